import type { SourceBytes } from '../../source/source-bytes.ts';
import type { ProbeInput } from '../ffprobe.ts';
import { matroskaPlaces } from '../matroska/matroska-places.ts';
import type { Container } from '../source-info.ts';
import { transportPlaces } from '../transport-stream/transport-places.ts';
import { type ByteSource, bytesOfFile, SamplingRefusal } from './byte-source.ts';
import { findWindows, type PlacedContainer, type SamplingExtent } from './places.ts';
import type { Samples } from './sampled-clocks.ts';
import { scanWindows } from './scan-windows.ts';

/** Two hours of a film take some 25 MB of reading. */
export const usualExtent: SamplingExtent = {
  smallestBytes: 48 * 1024 ** 2,
  edgeSeconds: 12,
  maxEdgeBytes: 16 * 1024 ** 2,
  windows: 8,
  windowSeconds: 6,
  maxWindowBytes: 6 * 1024 ** 2,
};

/** Reading more than this is no better than a scan. */
const maxReadBytes = 512 * 1024 ** 2;

const openers: Partial<Record<Container, (source: ByteSource) => Promise<PlacedContainer>>> = {
  matroska: matroskaPlaces,
  mpegts: transportPlaces,
};

/** How places are found in a container; undefined when they are not. */
export function placesOf(
  container: Container,
): ((source: ByteSource) => Promise<PlacedContainer>) | undefined {
  return openers[container];
}

/**
 * Looks at the beginning, the end, and some places between of a long file whose container has no index of all packets, which hardly takes longer
 * the longer it is. Undefined when all packets must be scanned: the container is another one, the file is short, or something in it is not
 * as it should be.
 */
export async function sampleSource(
  input: ProbeInput,
  file: SourceBytes,
  extent: SamplingExtent = usualExtent,
): Promise<Samples | undefined> {
  const open = placesOf(input.container);
  if (open === undefined || input.sizeBytes < extent.smallestBytes) return undefined;
  const source = bytesOfFile(file, input.sizeBytes, maxReadBytes);
  try {
    const container = await open(source);
    const windows = await findWindows(container, extent);
    return { container, packets: await scanWindows(input, source, container.head, windows) };
  } catch (error) {
    if (error instanceof SamplingRefusal) return undefined;
    throw error;
  }
}
