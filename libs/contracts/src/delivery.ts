export * from '../gen/kerkis/delivery/v1/edge_pb.js';
export * from '../gen/kerkis/delivery/v1/playback_service_pb.js';
export * from '../gen/kerkis/delivery/v1/routing_service_pb.js';
