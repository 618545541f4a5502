/** Configuration of a mesh as environment variables, see docs/configuration.md. */
export type Settings = Readonly<Record<`KERKIS_${string}` | `OTEL_${string}`, string>>;

const rung = (shortSide: number) => ({ shortSide, crf: 32 });

/** Three rungs and sound, as quick as x264 can, in segments of two seconds. */
const ladder = {
  renditions: [rung(360), rung(240), rung(144)],
  audio: [{ bitrateBps: 64_000 }],
  segmentSeconds: 2,
  preset: 'ultrafast',
};

/** One small rung and sound: when not the pictures but the way is the subject. */
const small = { ...ladder, renditions: [rung(144)] };

/** What all tests start from. */
export const usualSettings: Settings = {
  KERKIS_PROFILES: JSON.stringify({ ladder, small }),
  KERKIS_DEFAULT_PROFILE: 'ladder',
  KERKIS_TRANSCODE_PLANNER_CHUNK_SECONDS: '4',
  // Many upload the same file, and want to see it encoded.
  KERKIS_TRANSCODE_PLANNER_REUSE: 'false',
  KERKIS_TRANSCODE_PLANNER_LEASE_SECONDS: '5',
  // Tests beside it would leave nothing to those who stand back.
  KERKIS_TRANSCODE_WORKER_NICENESS: '0',
  KERKIS_SERVER_DRAIN_SECONDS: '5',
  KERKIS_TELEMETRY_LOG_LEVEL: 'warn',
};
