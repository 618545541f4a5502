import { KerkisError } from '@kerkis/errors';

/** What plays on the page. */
const players = ['hls.js', 'dash.js', 'native'] as const;

/** Why a player gave up or had to recover. */
const errorCodes = ['network', 'manifest', 'media', 'unsupported', 'refused', 'unknown'] as const;

/** The player that a beacon is about. */
type PlayerName = (typeof players)[number];

/** What a page tells of the playback that it shows. Nothing in it names a viewer. */
export type Beacon =
  | {
      readonly event: 'first_frame';
      readonly player: PlayerName;
      /** From the moment at which somebody wanted to watch. */
      readonly startupMs: number;
      /** From the moment at which the page began to load. */
      readonly sincePageMs: number;
      /** Of the picture; 0 for sound alone. */
      readonly width: number;
      readonly height: number;
    }
  | {
      readonly event: 'stall';
      readonly player: PlayerName;
      /** How often it stood still since the last beacon of this kind. */
      readonly count: number;
      /** How long in all of these. */
      readonly durationMs: number;
    }
  | {
      readonly event: 'error';
      readonly player: PlayerName;
      readonly code: (typeof errorCodes)[number];
      /** The player gave up. */
      readonly fatal: boolean;
    }
  | {
      readonly event: 'watched';
      readonly player: PlayerName;
      /** Time in which it played since the last beacon of this kind. */
      readonly durationMs: number;
    };

/** Longest body of a beacon. */
export const maxBeaconBytes = 512;

type Field = (value: unknown) => boolean;

const oneOf =
  (values: readonly string[]): Field =>
  (value) =>
    typeof value === 'string' && values.includes(value);
const whole =
  (least: number, most: number): Field =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
const common = { player: oneOf(players) };

const shapes: Readonly<Record<Beacon['event'], Readonly<Record<string, Field>>>> = {
  first_frame: {
    ...common,
    startupMs: whole(0, 10 * minuteMs),
    sincePageMs: whole(0, dayMs),
    width: whole(0, 16_384),
    height: whole(0, 16_384),
  },
  stall: { ...common, count: whole(1, 1000), durationMs: whole(0, 60 * minuteMs) },
  error: { ...common, code: oneOf(errorCodes), fatal: (value) => typeof value === 'boolean' },
  watched: { ...common, durationMs: whole(1, dayMs) },
};

/** Reads the body of a beacon: these fields, all of them, and no others. `invalid` BEACON_INVALID. */
export function parseBeacon(body: string): Beacon {
  const told = parseObject(body);
  const { event } = told;
  if (typeof event !== 'string' || !Object.hasOwn(shapes, event)) {
    throw invalid(`event is none of ${Object.keys(shapes).join(', ')}.`);
  }
  const shape = shapes[event as Beacon['event']];
  for (const name of Object.keys(told)) {
    if (name !== 'event' && !Object.hasOwn(shape, name)) throw invalid(`${event} has no field of that name.`);
  }
  for (const [name, fits] of Object.entries(shape)) {
    if (!fits(told[name])) throw invalid(`${name} is absent or not what it may be.`);
  }
  return told as unknown as Beacon;
}

function parseObject(body: string): Record<string, unknown> {
  let told: unknown;
  try {
    told = JSON.parse(body);
  } catch {
    throw invalid('the body is not JSON.');
  }
  if (typeof told !== 'object' || told === null || Array.isArray(told)) throw invalid('it is no object.');
  return told as Record<string, unknown>;
}

function invalid(why: string): KerkisError {
  return new KerkisError('invalid', 'BEACON_INVALID', `This is no beacon of a player: ${why}`);
}
