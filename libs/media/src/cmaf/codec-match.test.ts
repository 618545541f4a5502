import { expect, test } from 'vitest';
import { playsAs } from './codec-match.ts';

test.each([
  ['avc1.640828', 'avc1.640028', true],
  ['avc1.64001f', 'avc1.640028', true],
  ['avc1.640029', 'avc1.640028', false],
  ['avc1.4d4028', 'avc1.640028', false],
  ['hvc1.1.6.L93.B0', 'hvc1.1.6.L93.90', true],
  ['hvc1.1.6.H93.B0', 'hvc1.1.6.L93.90', false],
  ['hvc1.1.6.L93.B0', 'hvc1.1.6.H93.90', true],
  ['hvc1.2.4.L93', 'hvc1.1.6.L93.90', false],
  ['vp09.00.31.08', 'vp09.00.31.08', true],
  ['vp09.02.31.10', 'vp09.00.31.08', false],
  ['av01.0.05M.08', 'av01.0.08M.08', true],
  ['av01.0.05M.10.0.111.09.16.09.0', 'av01.0.05M.10.0.110.09.16.09.0', true],
  ['av01.0.05M.08', 'av01.0.05M.10.0.110.09.16.09.0', false],
  ['mp4v.20', 'avc1.640028', false],
])('%s where %s was promised', (written, planned, plays) => {
  expect(playsAs(written, planned)).toBe(plays);
});
