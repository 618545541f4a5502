import {
  type AudioRung,
  type LoudnessRequest,
  type LoudnessTarget,
  loudnessGainDb,
  type MeasuredLoudness,
  type MediaPlan,
} from '@kerkis/media';

/** Measures the loudness of one stream of a source, from its start to its end. */
export type MeasureLoudness = (request: LoudnessRequest) => Promise<MeasuredLoudness>;

/**
 * The plan with a gain for each rung of sound that brings it to the target. What is measured is what is encoded: each stream once for
 * each number of channels that is made of it.
 */
export async function normaliseSound(
  plan: MediaPlan,
  target: LoudnessTarget,
  measure: MeasureLoudness,
): Promise<MediaPlan> {
  const gains = new Map<string, number>();
  for (const rung of plan.ladder.audio) {
    const { sourceIndex: streamIndex, channels } = rung;
    if (gains.has(kindOf(rung))) continue;
    gains.set(kindOf(rung), loudnessGainDb(await measure({ streamIndex, channels }), target));
  }
  const audio = plan.ladder.audio.map((rung) => {
    const gainDb = gains.get(kindOf(rung)) ?? 0;
    return gainDb === 0 ? rung : { ...rung, gainDb };
  });
  return { ...plan, ladder: { ...plan.ladder, audio } };
}

const kindOf = ({ sourceIndex, channels }: AudioRung) => `${sourceIndex}:${channels}`;
