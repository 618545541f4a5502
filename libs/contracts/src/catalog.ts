export * from '../gen/kerkis/catalog/v1/asset_pb.js';
export * from '../gen/kerkis/catalog/v1/asset_service_pb.js';
export * from '../gen/kerkis/catalog/v1/generation_pb.js';
export * from '../gen/kerkis/catalog/v1/generation_service_pb.js';
export * from '../gen/kerkis/catalog/v1/playback_service_pb.js';
export * from '../gen/kerkis/catalog/v1/profile_service_pb.js';
export * from '../gen/kerkis/catalog/v1/signing_key_pb.js';
export * from '../gen/kerkis/catalog/v1/signing_key_service_pb.js';
