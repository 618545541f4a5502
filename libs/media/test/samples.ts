import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  defaultProfile,
  defaultSourceLimits,
  type EncodeUnit,
  type EncodingProfile,
  encodeUnit,
  locateMediaTools,
  type MediaPlan,
  planMedia,
  probeSource,
} from '../src/index.ts';

const run = promisify(execFile);

/** The tools of this machine. */
export const tools = await locateMediaTools();

/** What every encode of the tests has in common. */
export const settings = { tools, threads: 1, maxPixels: defaultSourceLimits.maxPixels, maxStreams: 64 };

/** The quickest profile: segments of one second, two small rungs, both encoded. */
export const quickProfile: EncodingProfile = {
  ...defaultProfile,
  name: 'quick',
  renditions: [
    { height: 120, codec: 'h264', maxBitrateBps: 400_000, remux: false },
    { height: 64, codec: 'h264', maxBitrateBps: 150_000, remux: false },
  ],
  segmentSeconds: 1,
  preset: 'ultrafast',
};

/** A folder that goes away when the test file is done. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'kerkis-media-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Runs the system's ffmpeg as it is, to make media or to check what was made. */
export async function ffmpeg(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(tools.ffmpeg, ['-v', 'error', '-nostdin', '-y', ...args], {
    maxBuffer: 2 ** 28,
  });
  return stdout;
}

/** Output of ffprobe as JSON. */
export async function ffprobe(...args: readonly string[]): Promise<{ streams: Record<string, unknown>[] }> {
  const { stdout } = await run(tools.ffprobe, ['-v', 'error', '-of', 'json', ...args], {
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(stdout);
}

/** Input options of moving test pictures, each frame different from every other. */
export function pictures(size: string, rate: string, seconds: number): string[] {
  return ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`];
}

/** Input options of a rising stereo tone. */
export function tone(seconds: number, rate = 48_000): string[] {
  const sound = '0.5*sin(2*PI*(200+60*t)*t)|0.4*sin(2*PI*700*t)';
  return ['-f', 'lavfi', '-i', `aevalsrc=${sound}:s=${rate}:d=${seconds}`];
}

/** Encoder options for quick small sources. */
export const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

/** Probes and plans a file. */
export async function plan(path: string, profile = quickProfile): Promise<MediaPlan> {
  return planMedia(await probeSource(path, defaultSourceLimits, { tools }), profile);
}

/** One encoded rung. */
export interface EncodedTrack {
  readonly inits: Buffer[];
  readonly segments: Buffer[];
}

/** Encodes units and sorts what comes out by rung. */
export async function encode(
  mediaPlan: MediaPlan,
  sourcePath: string,
  units: readonly EncodeUnit[],
  more: { earlierSeconds?: number } = {},
): Promise<Map<string, EncodedTrack>> {
  const tracks = new Map<string, EncodedTrack>();
  for (const unit of units) {
    for await (const part of encodeUnit(mediaPlan, unit, { ...settings, ...more, sourcePath })) {
      const track = tracks.get(part.rung) ?? { inits: [], segments: [] };
      tracks.set(part.rung, track);
      if (part.kind === 'init') track.inits.push(part.bytes);
      else track.segments[part.index] = part.bytes;
    }
  }
  return tracks;
}

/** Units of `size` segments each that cover the whole plan: all video rungs, then each audio rung. */
export function unitsOf({ grid, ladder }: MediaPlan, size: number): EncodeUnit[] {
  const units: EncodeUnit[] = [];
  for (let firstSegment = 0; firstSegment < grid.segmentCount; firstSegment += size) {
    const range = { firstSegment, segmentCount: Math.min(size, grid.segmentCount - firstSegment) };
    if (ladder.video.length > 0)
      units.push({ kind: 'video', rungs: ladder.video.map((rung) => rung.name), ...range });
    units.push(...ladder.audio.map((rung) => ({ kind: 'audio', rung: rung.name, ...range }) as const));
  }
  return units;
}
