export * from '../gen/kerkis/transcode/events/v1/transcode_events_pb.js';
