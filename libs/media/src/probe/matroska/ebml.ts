import { SamplingRefusal } from '../sampled/byte-source.ts';

/** An EBML element in a buffer: RFC 8794. */
export interface Element {
  readonly id: number;
  /** First byte of its content in the buffer. */
  readonly start: number;
  /** Byte after its content; undefined when it does not say how long it is. */
  readonly end?: number;
}

/** The element whose header starts at `at`; undefined when the buffer does not hold its whole header, or there is none. */
export function elementAt(bytes: Buffer, at: number): Element | undefined {
  const idBytes = lengthOf(bytes[at], 4);
  if (idBytes === undefined || at + idBytes >= bytes.length) return undefined;
  const id = bytes.readUIntBE(at, idBytes);
  const sizeAt = at + idBytes;
  const sizeBytes = lengthOf(bytes[sizeAt], 8);
  if (sizeBytes === undefined || sizeAt + sizeBytes > bytes.length) return undefined;
  const start = sizeAt + sizeBytes;
  const size = vint(bytes, sizeAt, sizeBytes);
  if (size === 2 ** (7 * sizeBytes) - 1) return { id, start };
  return { id, start, end: start + size };
}

/** The elements of a part of a buffer, all of known length. Throws SamplingRefusal when one does not fit. */
export function elementsBetween(bytes: Buffer, start: number, end: number): Required<Element>[] {
  const elements: Required<Element>[] = [];
  for (let at = start; at < end; ) {
    const element = elementAt(bytes, at);
    if (element?.end === undefined || element.end > end) throw new SamplingRefusal('an element does not fit');
    if (elements.length === maxElements) throw new SamplingRefusal('there are too many elements');
    elements.push({ ...element, end: element.end });
    at = element.end;
  }
  return elements;
}

/** An unsigned number. Beyond 2⁵¹ nothing is exact, nor meant. */
export function unsignedOf(bytes: Buffer, { start, end }: Required<Element>): number {
  const length = end - start;
  if (length > 8 || end > bytes.length) throw new SamplingRefusal('a number is too long');
  let value = 0;
  for (let at = start; at < end; at++) value = value * 256 + (bytes[at] as number);
  if (value > 2 ** 51) throw new SamplingRefusal('a number is too large');
  return value;
}

/** A number whose first byte tells its length, such as that of a track in a block. */
export function trackNumberAt(bytes: Buffer, at: number): number | undefined {
  const length = lengthOf(bytes[at], 8);
  return length === undefined || at + length > bytes.length ? undefined : vint(bytes, at, length);
}

const maxElements = 1_000_000;

/** How many bytes a number takes that starts with this byte. */
function lengthOf(first: number | undefined, most: number): number | undefined {
  const length = first === undefined ? 9 : Math.clz32(first) - 23;
  return length <= most ? length : undefined;
}

function vint(bytes: Buffer, at: number, length: number): number {
  let value = (bytes[at] as number) & (0xff >> length);
  for (let index = 1; index < length; index++) value = value * 256 + (bytes[at + index] as number);
  return value;
}
