import { fullBox, uint32 } from './boxes.ts';

/** The common system id of W3C "cenc" initialization data, which players take ClearKey for. */
export const commonSystemId = '1077efec-c0b2-4d02-ace3-3c1e52e2fb4b';

/** 16 bytes of a UUID, with or without dashes. Throws RangeError for what is none. */
export function uuidBytes(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new RangeError(`${JSON.stringify(text)} is no UUID.`);
  return bytes;
}

/** 32 hexadecimal digits, or 16 bytes, as a UUID with dashes. */
export function uuidOf(id: Uint8Array | string): string {
  const digits = typeof id === 'string' ? id : Buffer.from(id).toString('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A `pssh` box of version 1, which names the keys. `data` is for the system only. */
export function psshBox(
  systemId: string,
  keyIds: readonly Uint8Array[],
  data: Uint8Array = new Uint8Array(),
): Buffer {
  return fullBox(
    'pssh',
    1,
    0,
    uuidBytes(systemId),
    uint32(keyIds.length),
    ...keyIds,
    uint32(data.length),
    data,
  );
}
