import { describe, expect, test } from 'vitest';
import { parseConfig } from './load.ts';
import { isLoopback } from './rules.ts';

const key = `{name: a, sha256: ${'a'.repeat(64)}}`;
const s3 = 'kind: s3, s3: {endpoint: "http://s3:1", bucket: media, accessKeyId: a, secretAccessKey: b}';

describe('across keys', () => {
  test.each([
    ['server: {host: 0.0.0.0}', 'auth.mode is off while server.host is "0.0.0.0"'],
    ['auth: {mode: keys}', 'auth.keys is empty'],
    [`auth: {mode: keys, keys: [${key}, ${key}]}`, 'auth.keys[1] has the same name'],
    ['storage: {kind: s3}', 'storage.s3.endpoint is missing; storage.kind: s3 needs it'],
    [`storage: {${s3}}\nupload: {maxSizeBytes: 5TiB}`, 'must be at least 549755814'],
    ['nats: {user: a}', 'nats.password is missing'],
    ['nats: {password: a}', 'nats.user is missing'],
    ['nats: {token: a, credsFile: b}', 'nats.credsFile is given beside nats.token'],
    ['defaultProfile: cinema', 'allowed: one of default, fast, audio'],
    ['profiles: {none: {}}', 'profiles.none makes nothing'],
    ['profiles: {p: {renditions: [{shortSide: 360}]}}', 'must have either bitrateBps or crf'],
    [
      'profiles: {p: {renditions: [{shortSide: 360, bitrateBps: 500000, maxBitrateBps: 400000}]}}',
      'profiles.p.renditions[0].maxBitrateBps is below bitrateBps',
    ],
    [
      'profiles: {p: {renditions: [{shortSide: 360, crf: 20}, {shortSide: 360, crf: 30}]}}',
      'profiles.p.renditions[1] has the same name as an earlier one (h264-360p)',
    ],
    [
      'profiles: {p: {audio: [{}, {bitrateBps: 128000}]}}',
      'profiles.p.audio[1] has the same name as an earlier one (aac-128000)',
    ],
    [
      'profiles: {p: {renditions: [{shortSide: 360, codec: hevc, crf: 52}]}}',
      'profiles.p.renditions[0].crf goes up to 51 for hevc',
    ],
    [
      'profiles: {p: {renditions: [{shortSide: 360, codec: vp9, crf: 30, dynamicRange: source}]}}',
      'profiles.p.renditions[0].dynamicRange is sdr for vp9; HDR needs hevc or av1',
    ],
    [
      'profiles: {p: {renditions: [{shortSide: 360, codec: vp9, crf: 30, encoder: nvenc}]}}',
      'profiles.p.renditions[0].encoder makes no vp9; allowed: software, qsv, vaapi',
    ],
    [
      'profiles: {p: {audio: [{}], extras: {downloads: [{format: m4a, shortSide: 360}]}}}',
      'profiles.p.extras.downloads[0].shortSide is for mp4',
    ],
    [
      'profiles: {p: {audio: [{}], extras: {downloads: [{format: m4a, bitrateBps: 64000}]}}}',
      'profiles.p.extras.downloads[0].bitrateBps is for mp3',
    ],
  ])('%s', (yaml, message) => {
    expect(() => parseConfig(yaml)).toThrowError(
      expect.objectContaining({ reason: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    );
  });

  test.each([
    `server: {host: 0.0.0.0}\nauth: {mode: keys, keys: [${key}]}`,
    'server: {host: "::1"}',
    `storage: {${s3}}`,
    'nats: {user: a, password: b}',
    'profiles: {p: {renditions: [{shortSide: 360, crf: 23}, {shortSide: 360, codec: av1, crf: 63}], audio: [{}, {codec: opus}]}}',
    'defaultProfile: mine\nprofiles: {mine: {audio: [{}]}}',
    'profiles: {p: {renditions: [{shortSide: 360, codec: av1, crf: 40, dynamicRange: source, encoder: nvenc}, {shortSide: 360, codec: av1, crf: 40}]}}',
    'profiles: {p: {audio: [{}], ladder: per-title, loudness: {}, extras: {downloads: [{format: mp3, bitrateBps: 64000}]}}}',
  ])('accepts %s', (yaml) => {
    expect(parseConfig(yaml)).toBeDefined();
  });
});

test('loopback is only what stays on the machine', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com', 'example.com'].some(isLoopback)).toBe(false);
});
