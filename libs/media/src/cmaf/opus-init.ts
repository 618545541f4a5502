import { KerkisError } from '@kerkis/errors';
import { audioInit } from './audio-init.ts';
import { box, uint16, uint32 } from './box.ts';

/** An Opus track: 48 kHz, frames of 20 ms. */
export interface OpusTrack {
  /** 1–8. */
  readonly channels: number;
  /** ISO 639-2; `und` by default. */
  readonly language?: string;
}

/** Streams, coupled streams and order of channels of mapping family 1, by number of channels (RFC 7845, 5.1.1.2). */
const mappings: Readonly<
  Record<number, readonly [streams: number, coupled: number, order: readonly number[]]>
> = {
  3: [2, 1, [0, 2, 1]],
  4: [2, 2, [0, 1, 2, 3]],
  5: [3, 2, [0, 4, 1, 2, 3]],
  6: [4, 2, [0, 4, 1, 2, 3, 5]],
  7: [5, 2, [0, 4, 1, 2, 3, 5, 6]],
  8: [5, 3, [0, 6, 1, 2, 3, 4, 5, 7]],
};

/**
 * The init segment of an Opus track: the same bytes wherever and whenever it is made. Pre-skip is 0: the encoder's delay is
 * compensated before encoding, so that frame `n` decodes to the samples from `n × 960` on in every player, whether it reads edit
 * lists and pre-skip or not.
 *
 * Throws KerkisError `invalid` CHANNELS_UNSUPPORTED for more than 8 channels.
 */
export function opusInit({ channels, language = 'und' }: OpusTrack): Buffer {
  const sampleRate = 48_000;
  // Version, channels, pre-skip; rate of the input; output gain, mapping family.
  const family = channels <= 2 ? [0] : [1, ...channelMapping(channels)];
  const config = box(
    'dOps',
    Buffer.from([0, channels]),
    uint16(0),
    uint32(sampleRate),
    uint16(0),
    Buffer.from(family),
  );
  return audioInit({ sampleRate, samplesPerFrame: 960, channels, language, sampleEntry: 'Opus', config });
}

function channelMapping(channels: number): number[] {
  const mapping = mappings[channels];
  if (mapping === undefined) {
    throw new KerkisError(
      'invalid',
      'CHANNELS_UNSUPPORTED',
      `Opus tracks have 1 to 8 channels, not ${channels}.`,
    );
  }
  const [streams, coupled, order] = mapping;
  return [streams, coupled, ...order];
}
