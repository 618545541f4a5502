import { open } from 'node:fs/promises';
import { KerkisError } from '@kerkis/errors';
import { SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { MediaTools } from '../process/tools.ts';
import { assembleSource } from './assemble-source.ts';
import { describeFirstPicture, describeStreams, type ProbeInput, scanPackets } from './ffprobe.ts';
import { hdrMetadata } from './hdr-metadata.ts';
import type { SourceLimits } from './limits.ts';
import { readMp4Structure } from './mp4-structure.ts';
import { sniffBytes, sniffContainer } from './sniff.ts';
import type { Container, SourceInfo } from './source-info.ts';
import { StreamClock } from './stream-clock.ts';
import { hdrTransfer } from './stream-description.ts';
import { type PickedStreams, parseDescription, pickStreams } from './streams.ts';
import { tryDecoding } from './trial-decode.ts';

/** What a probe needs besides the file. */
export interface ProbeOptions {
  readonly tools: MediaTools;
  readonly signal?: AbortSignal | undefined;
  /** Makes the span of the probe; the global tracer by default. */
  readonly tracer?: Tracer;
}

/**
 * Finds out what a file really holds: looks at its first bytes, has ffprobe describe the streams, reads the time stamps
 * of all packets and decodes the first frames.
 *
 * Throws KerkisError `invalid` (SOURCE_EMPTY, SOURCE_TRUNCATED, SOURCE_CORRUPT, SOURCE_PROBE_TIMEOUT), `unsupported`
 * (SOURCE_NOT_MEDIA, SOURCE_ENCRYPTED, SOURCE_NO_PLAYABLE_STREAMS, SOURCE_CODEC_UNSUPPORTED, SOURCE_TOO_LONG,
 * SOURCE_TOO_LARGE_PICTURE, SOURCE_TOO_MANY_STREAMS), `not_found` SOURCE_MISSING, or `cancelled`.
 */
export async function probeSource(
  path: string,
  limits: SourceLimits,
  options: ProbeOptions,
): Promise<SourceInfo> {
  const { tracer = trace.getTracer('@kerkis/media') } = options;
  return tracer.startActiveSpan('probe', async (span) => {
    try {
      const source = await probe(path, limits, options);
      span.setAttributes({ 'media.container': source.container, 'media.duration_ms': source.durationMs });
      return source;
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.recordException(error instanceof Error ? error : `${error}`);
      throw error;
    } finally {
      span.end();
    }
  });
}

async function probe(
  path: string,
  limits: SourceLimits,
  { tools, signal }: ProbeOptions,
): Promise<SourceInfo> {
  const file = await lookAtFile(path);
  const { container, sizeBytes } = file;
  const input: ProbeInput = { tools, path, container, sizeBytes, limits, signal };
  const description = parseDescription(await describeStreams(input), limits);
  const picked = await withHdrMetadata(input, pickStreams(description, limits));
  const clocks = new Map(
    [...(picked.video === undefined ? [] : [picked.video]), ...picked.audios].map((stream) => [
      stream.index,
      new StreamClock(stream.timeBase, stream.raw.codec_type === 'audio' ? stream.raw.start_pts : undefined),
    ]),
  );
  await scanPackets(input, (packet) => clocks.get(packet.streamIndex)?.add(packet));
  const playable = await tryDecoding(input, picked);
  return assembleSource({ ...file, picked: playable, chapters: description.chapters ?? [], clocks, limits });
}

/** HDR10 whose container does not tell what its pictures do. */
async function withHdrMetadata(input: ProbeInput, picked: PickedStreams): Promise<PickedStreams> {
  const { video } = picked;
  if (video === undefined || hdrTransfer(video.raw) !== 'pq') return picked;
  const sideData = video.raw.side_data_list ?? [];
  if (hdrMetadata(sideData) !== undefined) return picked;
  const found = await describeFirstPicture(input, video.index).catch(() => []);
  const raw = { ...video.raw, side_data_list: [...sideData, ...found] };
  return { ...picked, video: { ...video, raw } };
}

/** Container, size and what the boxes of an MP4 say. */
async function lookAtFile(
  path: string,
): Promise<{ container: Container; sizeBytes: number; warnings: string[] }> {
  await using file = await open(path, 'r').catch((cause) => {
    throw new KerkisError('not_found', 'SOURCE_MISSING', 'The source file is not there.', { cause });
  });
  const stats = await file.stat();
  if (!stats.isFile())
    throw new KerkisError('unsupported', 'SOURCE_NOT_MEDIA', 'The source is no regular file.');
  const head = Buffer.alloc(Math.min(sniffBytes, stats.size));
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  const container = sniffContainer(head.subarray(0, bytesRead));
  const warnings: string[] = [];
  if (container === 'mov') {
    const structure = await readMp4Structure(file, stats.size);
    if (structure.isEncrypted) {
      throw new KerkisError(
        'unsupported',
        'SOURCE_ENCRYPTED',
        'The file is encrypted. Upload it without protection.',
      );
    }
    if (!structure.hasIndex) {
      throw new KerkisError(
        'invalid',
        'SOURCE_TRUNCATED',
        'The file is cut off: its index is missing. Upload it again.',
      );
    }
    if (structure.isCutOff) warnings.push('The file is cut off; what is there is used.');
  }
  return { container, sizeBytes: stats.size, warnings };
}
