export * from '../gen/kerkis/delivery/events/v1/delivery_events_pb.js';
