import { box, fullBox, uint16, uint32 } from '../cmaf/box.ts';
import { trackInit } from '../cmaf/track-init.ts';
import type { RemuxRung } from './plan-remux.ts';
import type { AvcEntry } from './sample-entry.ts';

/** The init segment of a remuxed track: the source's configuration in boxes like those of encoded tracks. */
export function avcInit(rung: RemuxRung, { config, extras }: AvcEntry): Buffer {
  const { width, height, timescale, reorderTicks } = rung;
  const sampleEntry = box(
    'avc1',
    uint32(0),
    uint16(0, 1),
    uint32(0, 0, 0, 0),
    uint16(width, height),
    // 72 dpi, one frame in each sample, no name of a compressor, 24 bits a pixel.
    uint32(0x480000, 0x480000, 0),
    uint16(1),
    Buffer.alloc(32),
    uint16(24, 0xffff),
    box('avcC', config),
    ...extras,
  );
  return trackInit({
    timescale,
    handler: 'vide',
    handlerName: 'VideoHandler',
    mediaHeader: fullBox('vmhd', 0, 1, uint32(0, 0)),
    sampleEntry,
    sampleTicks: 0,
    width,
    height,
    mediaTime: reorderTicks,
  });
}
