export * from '../gen/kerkis/catalog/events/v1/asset_events_pb.js';
