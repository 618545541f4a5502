export * from '../gen/kerkis/upload/v1/upload_pb.js';
export * from '../gen/kerkis/upload/v1/upload_service_pb.js';
