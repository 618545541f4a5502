import { type Box, box, boxAt, fullBox, uint32, viewOf } from './boxes.ts';
import { sampleEntry } from './track.ts';

/** The key of a track, and what players are told about it. */
export interface TrackKey {
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** 16 bytes, the same for all samples: `cbcs` has constant IVs. */
  readonly iv: Uint8Array;
  readonly key: Uint8Array;
}

/** One block of ten of pictures is encrypted, and all of sound (ISO/IEC 23001-7, 10.4). */
export const pattern = { video: { crypt: 1, skip: 9 }, audio: { crypt: 0, skip: 0 } } as const;

/**
 * The init segment of a track whose samples are encrypted by `cbcs`: its sample entry becomes `encv` or `enca` with a `sinf`, and the
 * `pssh` boxes follow at the end of `moov`. Throws `data_loss` MEDIA_MALFORMED, `unsupported` ENCRYPTION_NOT_SUPPORTED.
 */
export function protectInit(
  init: Uint8Array,
  { keyId, iv }: Pick<TrackKey, 'keyId' | 'iv'>,
  pssh: readonly Uint8Array[],
): Buffer {
  const bytes = viewOf(init);
  const moov = boxAt(bytes, ['moov']);
  const trak = boxAt(bytes, ['trak'], moov);
  const { entry, stsd, kind } = sampleEntry(bytes, trak);
  const { crypt, skip } = pattern[kind];
  const tenc = fullBox(
    'tenc',
    1,
    0,
    Buffer.from([0, (crypt << 4) | skip, 1, 0]),
    keyId,
    Buffer.from([16]),
    iv,
  );
  const sinf = box(
    'sinf',
    box('frma', Buffer.from(entry.type, 'latin1')),
    fullBox('schm', 0, 0, Buffer.from('cbcs', 'latin1'), uint32(0x10000)),
    box('schi', tenc),
  );
  const protectedEntry = box(
    kind === 'video' ? 'encv' : 'enca',
    bytes.subarray(entry.content, entry.end),
    sinf,
  );
  const parents = [
    moov,
    trak,
    boxAt(bytes, ['mdia'], trak),
    boxAt(bytes, ['mdia', 'minf'], trak),
    boxAt(bytes, ['mdia', 'minf', 'stbl'], trak),
    stsd,
  ];
  const grownBytes = protectedEntry.length - (entry.end - entry.start);
  const psshBytes = pssh.reduce((sum, each) => sum + each.length, 0);
  const made = Buffer.concat([
    bytes.subarray(0, entry.start),
    protectedEntry,
    bytes.subarray(entry.end, moov.end),
    ...pssh,
    bytes.subarray(moov.end),
  ]);
  for (const parent of parents) grow(made, parent, grownBytes + (parent === moov ? psshBytes : 0));
  return made;
}

/** Boxes of init segments have sizes of 32 bits. */
function grow(bytes: Buffer, { start, end }: Box, byBytes: number): void {
  bytes.writeUInt32BE(end - start + byBytes, start);
}
