export { encryptAes128, sequenceIv } from './aes-128.ts';
export { protectInit, type TrackKey } from './init-segment.ts';
export { protectSegment } from './media-segment.ts';
export { commonSystemId, psshBox, uuidBytes, uuidOf } from './pssh.ts';
export { type ProtectedTrack, readTrack } from './track.ts';
