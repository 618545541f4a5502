export * from '../gen/kerkis/catalog/events/v1/asset_events_pb.js';
export * from '../gen/kerkis/catalog/events/v1/signing_key_events_pb.js';
