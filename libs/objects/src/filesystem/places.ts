/** A part that is, or is being, written where it belongs in the object. */
export interface Place {
  readonly partNumber: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** Set once every byte of it is on the disk. */
  readonly etag?: string;
}

/** One line of the journal of a multipart upload. `id` names the writing of one part. */
export type JournalLine =
  | { readonly begin: string; readonly part: number; readonly offset: number; readonly size: number }
  | { readonly done: string; readonly etag: string }
  | { readonly gone: string }
  | { readonly apart: number }
  | { readonly sealed: true };

/** What the lines of a journal say together. All who read them come to the same result: their order decides. */
export interface Places {
  readonly byId: Map<string, Place>;
  isSealed: boolean;
}

/** The places of an empty journal. */
export function noPlaces(): Places {
  return { byId: new Map(), isSealed: false };
}

/**
 * Takes the next line. Who begins where somebody else is writing, or at the place of a part with a higher number, gets nothing: a
 * writer that was given up must not come back over what its successor stored. A complete part with the same or a lower number
 * gives way.
 */
export function takeLine(places: Places, line: JournalLine): void {
  const { byId } = places;
  if ('begin' in line) {
    const place = { partNumber: line.part, offsetBytes: line.offset, sizeBytes: line.size };
    const met = [...byId].filter(([, other]) => overlap(place, other) || other.partNumber === line.part);
    const isTaken = met.some(([, { etag, partNumber }]) => etag === undefined || partNumber > line.part);
    if (places.isSealed || isTaken) return;
    for (const [id] of met) byId.delete(id);
    byId.set(line.begin, place);
  } else if ('done' in line) {
    const place = byId.get(line.done);
    if (place) byId.set(line.done, { ...place, etag: line.etag });
  } else if ('gone' in line) {
    byId.delete(line.gone);
  } else if ('apart' in line) {
    for (const [id, { partNumber, etag }] of byId) {
      if (partNumber === line.apart && etag !== undefined) byId.delete(id);
    }
  } else places.isSealed = true;
}

/** A line as it is read; undefined for what a crash left of one. */
export function parseLine(text: string): JournalLine | undefined {
  try {
    const line = JSON.parse(text);
    return typeof line === 'object' && line !== null ? line : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes from the first one on that are stored without a hole. */
export function bytesInARow(places: Iterable<Place>): number {
  const stored = [...places].filter(({ etag }) => etag !== undefined);
  let endBytes = 0;
  for (const { offsetBytes, sizeBytes } of stored.toSorted((a, b) => a.offsetBytes - b.offsetBytes)) {
    if (offsetBytes !== endBytes) break;
    endBytes += sizeBytes;
  }
  return endBytes;
}

/** Whether two places share a byte. */
export function overlap(a: Omit<Place, 'etag'>, b: Omit<Place, 'etag'>): boolean {
  return a.offsetBytes < b.offsetBytes + b.sizeBytes && b.offsetBytes < a.offsetBytes + a.sizeBytes;
}
