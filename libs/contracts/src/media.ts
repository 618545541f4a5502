export * from '../gen/kerkis/media/v1/artefacts_pb.js';
export * from '../gen/kerkis/media/v1/failure_pb.js';
export * from '../gen/kerkis/media/v1/profile_pb.js';
export * from '../gen/kerkis/media/v1/rational_pb.js';
export * from '../gen/kerkis/media/v1/source_info_pb.js';
export * from '../gen/kerkis/media/v1/track_pb.js';
