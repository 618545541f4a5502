export * from '../gen/kerkis/transcode/v1/job_pb.js';
export * from '../gen/kerkis/transcode/v1/job_service_pb.js';
export * from '../gen/kerkis/transcode/v1/segment_service_pb.js';
export * from '../gen/kerkis/transcode/v1/worker_pb.js';
export * from '../gen/kerkis/transcode/v1/worker_service_pb.js';
