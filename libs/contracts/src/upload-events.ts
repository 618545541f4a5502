export * from '../gen/kerkis/upload/events/v1/upload_events_pb.js';
