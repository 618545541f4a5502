import { AudioCodec, LadderMode, VideoCodec } from '@kerkis/contracts/media';
import type { MeshClients } from '../../e2e/harness/clients.ts';

/** One rung that benches ask for, and that the bare ffmpeg makes with the same settings. */
export interface Rung {
  readonly shortSide: number;
  readonly crf: number;
  readonly maxBitrateBps: number;
}

/** From the highest to the lowest. */
export const rungs: readonly [Rung, Rung, Rung, Rung] = [
  { shortSide: 720, crf: 23, maxBitrateBps: 3_200_000 },
  { shortSide: 480, crf: 23, maxBitrateBps: 1_600_000 },
  { shortSide: 360, crf: 23, maxBitrateBps: 900_000 },
  { shortSide: 240, crf: 23, maxBitrateBps: 450_000 },
];
export const lowestRung = rungs[3];
export const segmentSeconds = 4;
export const preset = 'veryfast';
export const audioBitrateBps = 128_000;

/** Profiles of benches. `bench-encode` encodes also what could be taken over from the source as it is. */
export type ProfileName = 'bench' | 'bench-encode' | 'bench-small';

/** Adds the profiles to a mesh. */
export async function createProfiles(clients: MeshClients): Promise<void> {
  const ladder = (name: ProfileName, wanted: readonly Rung[], noRemux: boolean) => ({
    name,
    preset,
    segmentMs: segmentSeconds * 1000,
    ladderMode: LadderMode.FIXED,
    renditions: wanted.map(({ shortSide, crf, maxBitrateBps }) => ({
      ...{ shortSide, crf, maxBitrateBps: BigInt(maxBitrateBps) },
      ...{ codec: VideoCodec.H264, noRemux },
    })),
    audios: [{ codec: AudioCodec.AAC, bitrateBps: audioBitrateBps, channels: 2 }],
  });
  const profiles = [
    ladder('bench', rungs, false),
    ladder('bench-encode', rungs, true),
    { ...ladder('bench-small', rungs.slice(2), true), segmentMs: 2000 },
  ];
  for (const profile of profiles) await clients.profiles.createProfile({ profile });
}
