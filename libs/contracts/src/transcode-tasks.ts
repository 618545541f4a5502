export * from '../gen/kerkis/transcode/tasks/v1/tasks_pb.js';
