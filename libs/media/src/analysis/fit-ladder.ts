import type { Ladder, VideoRung } from '../plan/ladder.ts';
import type { VideoCodec } from '../plan/profile.ts';
import type { ContentLook } from './look-at-content.ts';
import { type Expected, expectedAt, meanOf, meanShownAt, shownWithin, sizeOf } from './rate-model.ts';

/** Why a rung is not as planned. */
export interface FitReason {
  readonly rung: string;
  /** `dropped`, or with another quality or maximum bitrate. */
  readonly change: 'dropped' | 'quality' | 'bitrate';
  /** For a person. */
  readonly reason: string;
}

/** A ladder that suits its content. */
export interface FittedLadder {
  readonly ladder: Ladder;
  readonly reasons: readonly FitReason[];
}

/**
 * A size holds all that there is to see when no sample of luma differs by more than this after scaling it up again. Measured on frames of
 * 1080p at 720p: film and camera clips 34 to 76 (one of them at 480p), small text 106, the same film scaled up from 540p 6 to 13, and 9 to 20
 * at 480p.
 */
const invisibleDifference = 16;
/** A rung that is this little better than the next one, at their rates, is not told from it: PSNR of one step of the constant rate factor. */
const invisibleGain = { psnrDb: 0.5, ssim: 0.005 };
/** What is better than this is not told from the source; where it is reached, bits can be saved. */
const transparent = { psnrDb: 45, ssim: 0.985 };
/** Most steps by which the constant rate factor of a rung is raised, and lowered for a rung that stands in for a dropped one. */
const most = { raised: 3, lowered: 4 };
/** A maximum bitrate is lowered to this part of the planned one at most. */
const leastPart = 1 / 4;
/** Highest constant rate factor by codec. */
const highestCrf: Readonly<Record<VideoCodec, number>> = { h264: 51, hevc: 51, vp9: 63, av1: 63 };
/** Bits that the buffer holds for those of the hardest second that was seen. */
const secondMargin = 2;
/** Fewer places than this in more seconds than that are no look at all. */
const trusted = { places: 2, seconds: 10 };

/**
 * Fits a planned ladder to its content. Rungs that bring nothing visible over the next lower one of their codec and range are dropped; qualities
 * move a few steps where that saves bits that nobody sees; maximum and expected bitrates follow. The lowest rung of each codec and range, the sound, and what
 * a track has announced (codec string, level, size, rate) stay as planned, and no maximum rises. Pure: the same look gives the same
 * ladder.
 */
export function fitLadder(ladder: Ladder, look: ContentLook): FittedLadder {
  const seconds = look.frameCount / look.frameRate;
  if (look.places.length < trusted.places && seconds > trusted.seconds) return { ladder, reasons: [] };
  const alike = Map.groupBy(ladder.video, ({ codec, videoRange }) => `${codec} ${videoRange}`);
  const fitted = [...alike.values()].map((rungs) => fitCodec(rungs, look));
  const kept = new Map(fitted.flatMap(({ video }) => video.map((rung) => [rung.name, rung])));
  return {
    ladder: { ...ladder, video: ladder.video.flatMap(({ name }) => kept.get(name) ?? []) },
    reasons: fitted.flatMap(({ reasons }) => reasons),
  };
}

interface FittedCodec {
  readonly video: VideoRung[];
  readonly reasons: FitReason[];
}

/** Rungs of one codec and range, from the highest to the lowest. */
function fitCodec(rungs: readonly VideoRung[], look: ContentLook): FittedCodec {
  const { kept, standIn } = withoutNeedless(rungs, look);
  const dropped = rungs.slice(0, rungs.length - kept.length);
  const reasons: FitReason[] = dropped.map(({ name }) => ({
    rung: name,
    change: 'dropped',
    reason: `It shows nothing that ${kept[0]?.name} does not.`,
  }));
  let below: VideoRung | undefined;
  const video = kept
    .map((rung, index) => {
      if (index === kept.length - 1) return rung;
      const steps = index === 0 && dropped.length > 0 ? -standIn : needlessSteps(look, rung, kept[index - 1]);
      return { ...rung, crf: Math.max(1, Math.min(highestCrf[rung.codec], rung.crf + steps)) };
    })
    .toReversed()
    .map((rung, index) => {
      const planned = kept[kept.length - 1 - index] ?? rung;
      below = below === undefined ? rung : withBitrates(look, planned, rung, below);
      return below;
    })
    .toReversed();
  video.forEach((rung, index) => {
    const planned = kept[index];
    if (planned !== undefined) reasons.push(...changes(planned, rung));
  });
  return { video, reasons };
}

/** The ladder without the rungs at its top that bring nothing visible, and how many steps better the new top rung has to be for that. */
function withoutNeedless(
  rungs: readonly VideoRung[],
  look: ContentLook,
): { kept: readonly VideoRung[]; standIn: number } {
  let result = { kept: rungs, standIn: 0 };
  for (let index = 1; index < rungs.length; index++) {
    const [top, next] = [rungs[0], rungs[index]];
    if (top === undefined || next === undefined) break;
    // The lowest rung is encoded before anybody looks.
    const mostSteps = index === rungs.length - 1 ? 0 : most.lowered;
    const steps = stepsToStandIn(look, top, next, mostSteps);
    if (steps === undefined) break;
    result = { kept: rungs.slice(index), standIn: steps };
  }
  return result;
}

/** By how many steps `next` must be better to be as good as `top`; undefined when it cannot be, or not for fewer bits. */
function stepsToStandIn(
  look: ContentLook,
  top: VideoRung,
  next: VideoRung,
  mostSteps: number,
): number | undefined {
  const [topSize, nextSize] = [sizeOf(look, top), sizeOf(look, next)];
  if (topSize === undefined || nextSize === undefined) return undefined;
  if (top.frameRateDivisor !== next.frameRateDivisor) return undefined;
  const wanted = shownWithin(look, topSize, top, top.maxBitrateBps);
  const starved = shownWithin(look, nextSize, next, next.maxBitrateBps);
  const isAsGoodAsIs = wanted.every(({ psnrDb, ssim }, place) => {
    const other = starved[place] ?? { psnrDb: 0, ssim: 0 };
    // Both: in noise a blurred picture has the better PSNR.
    return psnrDb - other.psnrDb < invisibleGain.psnrDb && ssim - other.ssim < invisibleGain.ssim;
  });
  if (isAsGoodAsIs) return 0;
  if (nextSize.lostDetail.some((difference) => difference > invisibleDifference)) return undefined;
  const topBps = meanOf(expectedAt(look, topSize, top, 0), ({ bitrateBps }) => bitrateBps);
  for (let steps = 0; steps <= mostSteps; steps++) {
    const expected = expectedAt(look, nextSize, next, -steps);
    const bitrateBps = meanOf(expected, (each) => each.bitrateBps);
    if (bitrateBps > Math.min(topBps, next.maxBitrateBps)) return undefined;
    const isAsGood = expected.every(
      ({ shownPsnrDb }, place) => shownPsnrDb >= Math.min(wanted[place]?.psnrDb ?? 0, transparent.psnrDb),
    );
    if (isAsGood) return steps;
  }
  return undefined;
}

/**
 * By how many steps a rung may be worse: while it is transparent all the same, or while the next higher rung gives a better picture for the same
 * bits, so that whoever has the bits takes that one.
 */
function needlessSteps(look: ContentLook, rung: VideoRung, above: VideoRung | undefined): number {
  const size = sizeOf(look, rung);
  if (size === undefined) return 0;
  let steps = 0;
  while (steps < most.raised) {
    const expected = expectedAt(look, size, rung, steps + 1);
    const isTransparent = expected.every(
      ({ ownPsnrDb, ownSsim }) => ownPsnrDb >= transparent.psnrDb && ownSsim >= transparent.ssim,
    );
    if (!isTransparent && !isOutdone(look, expected, above)) break;
    steps++;
  }
  return steps;
}

function isOutdone(look: ContentLook, expected: readonly Expected[], above: VideoRung | undefined): boolean {
  const size = above && sizeOf(look, above);
  if (above === undefined || size === undefined) return false;
  const bitrateBps = meanOf(expected, (each) => each.bitrateBps);
  const shownPsnrDb = meanOf(expected, (each) => each.shownPsnrDb);
  const better = meanShownAt(look, size, above, bitrateBps);
  return better !== undefined && better > shownPsnrDb;
}

/**
 * Maximum and expected bitrate of a rung: what the content takes, but not less than the rung below, and never more than planned. A rung that is
 * worse than planned has a maximum as much lower as its bits are, so that a viewer with the bits of before takes the next one.
 */
function withBitrates(look: ContentLook, planned: VideoRung, rung: VideoRung, below: VideoRung): VideoRung {
  const size = sizeOf(look, rung);
  if (size === undefined) return rung;
  const expected = expectedAt(look, size, rung, 0);
  const minutes = look.frameCount / look.frameRate / 60;
  // What a few places cannot know grows with the length.
  const margin = 2 + Math.log10(Math.max(1, minutes));
  const hardest = Math.max(...expected.map(({ hardBitrateBps }) => hardBitrateBps));
  // The buffer is filled at the maximum rate. One that is too small for what changes at once, like a page that scrolls, costs decibels.
  const hardestSecond = Math.max(...expected.map(({ hardSecondBits }) => hardSecondBits));
  const buffered = (hardestSecond * secondMargin * rung.maxBitrateBps) / rung.bufferBits;
  const [before, now] = [planned, rung].map((each) =>
    meanOf(expectedAt(look, size, each, 0), ({ bitrateBps }) => bitrateBps),
  );
  const allowed = rung.maxBitrateBps * Math.min(1, (now ?? 1) / (before ?? 1));
  const taken = Math.max(hardest * margin, buffered, rung.maxBitrateBps * leastPart);
  const wanted = Math.max(Math.min(allowed, taken), below.maxBitrateBps);
  const maxBitrateBps = Math.min(rung.maxBitrateBps, Math.ceil(wanted / 10_000) * 10_000);
  const bufferBits = Math.ceil((rung.bufferBits * maxBitrateBps) / rung.maxBitrateBps);
  const segmentSeconds = look.framesPerSegment / look.frameRate;
  const containerBps = rung.peakBitrateBps - rung.maxBitrateBps - rung.bufferBits / segmentSeconds;
  const meanBps = Math.min(
    maxBitrateBps,
    meanOf(expected, ({ bitrateBps }) => bitrateBps),
  );
  return {
    ...rung,
    maxBitrateBps,
    bufferBits,
    peakBitrateBps: Math.ceil(maxBitrateBps + bufferBits / segmentSeconds + containerBps),
    averageBitrateBps: Math.ceil(meanBps + containerBps),
  };
}

function changes(planned: VideoRung, fitted: VideoRung): FitReason[] {
  const { name: rung } = planned;
  const result: FitReason[] = [];
  if (fitted.crf !== planned.crf) {
    const why =
      fitted.crf < planned.crf
        ? 'It stands in for a dropped rung'
        : 'More is not seen, or better had from the next rung';
    result.push({ rung, change: 'quality', reason: `${why}: CRF ${fitted.crf} instead of ${planned.crf}.` });
  }
  if (fitted.maxBitrateBps !== planned.maxBitrateBps) {
    const [now, before] = [fitted, planned].map(({ maxBitrateBps }) => Math.round(maxBitrateBps / 1000));
    const reason = `The content takes less: at most ${now} kbit/s instead of ${before}.`;
    result.push({ rung, change: 'bitrate', reason });
  }
  return result;
}
