import { parseArgs } from 'node:util';
import {
  defaultProfile,
  defaultSourceLimits,
  type EncodingProfile,
  encodeUnit,
  fitLadder,
  locateMediaTools,
  lookAtContent,
  type MediaPlan,
  measureQuality,
  planMedia,
  probeSource,
  type VideoRung,
} from '@kerkis/media';
import { tempDir } from '@kerkis/testing';
import { type Clip, madeClips, realClips } from './harness/clips.ts';
import { bestWithin, bitsAtEqualQuality } from './harness/curve.ts';
import { endedChildrenCpuSeconds } from './harness/process-tree.ts';
import { median, type Report } from './harness/table.ts';

/** The default, with all rungs encoded. */
const profile: EncodingProfile = {
  ...defaultProfile,
  renditions: defaultProfile.renditions.map((rendition) => ({ ...rendition, remux: false })),
};
/** Connections of viewers: a phone far from its mast, and a modest line. */
const linksBps = [1_500_000, 4_000_000];

/** One encoded and measured rung. */
interface MeasuredRung {
  readonly name: string;
  readonly bytes: number;
  readonly bitrateBps: number;
  readonly peakBitrateBps: number;
  /** Scaled up to the largest planned size, against the source at that size. */
  readonly psnrDb: number;
  readonly ssim: number;
}

/** Encodes each clip with the ladder of the default profile as it is and fitted to the clip, and measures all rungs of both. */
export async function perTitle(args: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...args],
    options: { clip: { type: 'string' }, quick: { type: 'boolean', default: false } },
  });
  const clips = [...realClips(), ...(await madeClips())]
    .filter(({ name }) => name.includes(values.clip ?? ''))
    .slice(0, values.quick ? 2 : undefined);
  const results: Awaited<ReturnType<typeof measureClip>>[] = [];
  for (const clip of clips) {
    console.log(`  ${clip.name} ...`);
    results.push(await measureClip(clip));
  }
  const real = results.filter(({ clip }) => clip.isReal);
  const middle = (of: (result: (typeof results)[number]) => number) => median(real.map(of)).toFixed(1);
  return {
    title: 'Per-title ladders against the fixed default ladder',
    tables: [
      {
        columns: [
          ...['clip', 'rungs', 'fixed bytes', 'per-title bytes', 'saved %', 'top PSNR dB', 'top SSIM'],
          ...['bits at equal PSNR %', 'at 1.5 Mbit/s dB', 'at 4 Mbit/s dB', 'look CPU s'],
        ],
        rows: results.map(({ row }) => row),
      },
      {
        columns: ['clip', 'rung', 'why'],
        rows: results.flatMap(({ clip, reasons }) =>
          reasons.map(({ rung, reason }) => [clip.name, rung, reason]),
        ),
      },
    ],
    remarks: [
      `Real clips, median: ${middle(({ saved }) => saved)} % fewer bytes, ${middle(({ equal }) => equal)} % bits at equal PSNR.`,
      'PSNR and SSIM of all planes are of each rung scaled up to the largest planned size, against the source at that size; `a → b` is fixed → per title.',
      'Bits at equal PSNR: Bjøntegaard over the two ladders with straight lines between rungs; negative saves.',
      'At a rate: the best rung whose announced peak fits a connection of that rate.',
    ],
  };
}

async function measureClip(clip: Clip) {
  // Without bubblewrap, which does not wait for what it starts: the CPU time would be lost.
  const { bubblewrap: _, ...tools } = await locateMediaTools();
  await using scratch = await tempDir('bench-per-title');
  const source = await probeSource(clip.path, defaultSourceLimits, { tools });
  const plan = planMedia(source, profile);
  const settings = {
    tools,
    sourcePath: clip.path,
    threads: 1,
    maxPixels: defaultSourceLimits.maxPixels,
    maxStreams: 64,
    scratchDirectory: scratch.path,
  };
  const before = endedChildrenCpuSeconds();
  const look = await lookAtContent(plan, settings);
  const lookCpuSeconds = endedChildrenCpuSeconds() - before;
  const { ladder, reasons } = fitLadder(plan.ladder, look);
  const fixed = await encodeAndMeasure(plan, plan.ladder.video, plan.ladder.video[0], settings);
  const known = new Map(fixed.map((rung) => [rung.name, rung]));
  // What is as planned is not encoded twice.
  const isChanged = (rung: VideoRung) =>
    plan.ladder.video.every((planned) => JSON.stringify(planned) !== JSON.stringify(rung));
  const changed = ladder.video.filter(isChanged);
  const again = await encodeAndMeasure({ ...plan, ladder }, changed, plan.ladder.video[0], settings);
  for (const rung of again) known.set(rung.name, rung);
  const fitted = ladder.video.map(({ name }) => known.get(name) as MeasuredRung);
  const [top, topFitted] = [fixed[0] as MeasuredRung, fitted[0] as MeasuredRung];
  const total = (rungs: readonly MeasuredRung[]) => rungs.reduce((sum, { bytes }) => sum + bytes, 0);
  const saved = (1 - total(fitted) / total(fixed)) * 100;
  const equal = bitsAtEqualQuality(fixed, fitted);
  const row = [
    clip.name,
    `${plan.ladder.video.length} → ${ladder.video.length}`,
    total(fixed),
    total(fitted),
    saved,
    `${top.psnrDb.toFixed(2)} → ${topFitted.psnrDb.toFixed(2)}`,
    `${top.ssim.toFixed(4)} → ${topFitted.ssim.toFixed(4)}`,
    equal,
    ...linksBps.map((bps) => [fixed, fitted].map((rungs) => decibels(bestWithin(rungs, bps))).join(' → ')),
    lookCpuSeconds,
  ];
  return { clip, row, reasons, saved, equal };
}

function decibels(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(2);
}

/** Encodes the rungs over the whole clip in chunks of three segments, and measures each of them. */
async function encodeAndMeasure(
  plan: MediaPlan,
  rungs: readonly VideoRung[],
  top: VideoRung | undefined,
  settings: Parameters<typeof measureQuality>[3],
): Promise<MeasuredRung[]> {
  const inits = new Map<string, Buffer>();
  const segments = new Map<string, Buffer[]>(rungs.map(({ name }) => [name, []]));
  const { segmentCount } = plan.grid;
  for (let first = 0; first < segmentCount && rungs.length > 0; first += 3) {
    const range = { firstSegment: first, segmentCount: Math.min(3, segmentCount - first) };
    const unit = { kind: 'video', rungs: rungs.map(({ name }) => name), ...range } as const;
    for await (const part of encodeUnit(plan, unit, settings)) {
      if (part.kind === 'init') inits.set(part.rung, part.bytes);
      else (segments.get(part.rung) as Buffer[])[part.index] = part.bytes;
    }
  }
  const seconds = plan.source.durationSeconds;
  const measured: MeasuredRung[] = [];
  for (const { name, peakBitrateBps } of rungs) {
    const stored = segments.get(name) ?? [];
    const bytes = stored.reduce((sum, segment) => sum + segment.length, 0);
    const track = {
      init: inits.get(name) as Buffer,
      segments: stored.map((_, index) => index),
      readSegment: async (index: number) => stored[index] as Buffer,
    };
    const shown = top === undefined ? {} : { shownSize: { width: top.width, height: top.height } };
    const { psnrDb, ssim } = await measureQuality(plan, name, track, {
      ...settings,
      ...shown,
      framesPerSegment: 12,
    });
    measured.push({ name, bytes, bitrateBps: (bytes * 8) / seconds, peakBitrateBps, psnrDb, ssim });
  }
  return measured;
}
