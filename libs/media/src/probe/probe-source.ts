import { open } from 'node:fs/promises';
import { KerkisError } from '@kerkis/errors';
import { SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { MediaTools } from '../process/tools.ts';
import { findCopyable } from '../remux/find-copyable.ts';
import { fetchedBytes, type SourceBytes, type SourceParts } from '../source/source-bytes.ts';
import { assembleSource } from './assemble-source.ts';
import { startEarlyTrial } from './early-trial.ts';
import { excerptOf } from './excerpted-source.ts';
import { describeFirstPicture, describeStreams, type ProbeInput, scanPackets } from './ffprobe.ts';
import { hdrMetadata } from './hdr-metadata.ts';
import { clocksFromIndex } from './index-clock.ts';
import { findFields } from './interlacing.ts';
import type { SourceLimits } from './limits.ts';
import { lookAtMp4 } from './look-at-mp4.ts';
import { readQuickClocks } from './quick-clocks.ts';
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
  /** Where the beginning of a long file may be written for the time of the probe, which is shorter then. */
  readonly scratchDirectory?: string | undefined;
  /** Makes the span of the probe; the global tracer by default. */
  readonly tracer?: Tracer;
  /**
   * The file is still being written: its first bytes are there, and it will have `sizeBytes`, if that is known. Then an index at the
   * beginning counts as far as it tells of what is to come; without a size only what is there counts.
   */
  readonly arriving?: { readonly arrivedBytes: number; readonly sizeBytes?: number } | undefined;
  /** Only parts of the file are here, others can be fetched. All of it is, where the container has no index of all packets. */
  readonly parts?: SourceParts | undefined;
}

/**
 * Finds out what a file really holds: looks at its first bytes, has ffprobe describe the streams, decodes the first frames, and reads
 * the time stamps of all packets: from the index of an MP4, or what there is of it in another long file, where the length hardly matters, else with
 * ffprobe.
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
  { tools, signal, scratchDirectory, arriving, parts }: ProbeOptions,
): Promise<SourceInfo> {
  await using file = await openSource(path, parts);
  const { container, bytes } = file;
  const sizeBytes = arriving?.sizeBytes ?? file.sizeBytes;
  const stopping = new AbortController();
  const input: ProbeInput = {
    tools,
    path,
    container,
    sizeBytes,
    limits,
    signal: signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]),
  };
  try {
    const whole = async () => await parts?.fetch(0, sizeBytes);
    const mp4 = container === 'mov' ? await lookAtMp4(bytes, sizeBytes) : undefined;
    await using excerpt = mp4 && (await excerptOf(bytes, mp4, scratchDirectory, parts !== undefined));
    if (excerpt === undefined) await whole();
    // Both take as long as a process takes to start; the index of an MP4 is read meanwhile.
    const start = { ...input, path: excerpt?.path ?? path };
    const trial = startEarlyTrial(start);
    const describing = describeStreams(start).catch(async (error) => {
      if (excerpt === undefined) throw error;
      await whole();
      return await describeStreams(input);
    });
    describing.catch(() => {});
    const quick = arriving === undefined ? readQuickClocks(input, bytes) : undefined;
    quick?.catch(() => {});
    mp4?.index?.prepare();
    const copyable = mp4?.index && (await findCopyable(bytes, mp4.index, arriving?.arrivedBytes));
    const described = parseDescription(await describing, limits);
    const description = excerpt?.withWholeRates(described) ?? described;
    const picked = await withHdrMetadata(start, pickStreams(description, limits));
    const findingFields = findFields(start, picked.video);
    findingFields.catch(() => {});
    const indexed = mp4?.index && clocksFromIndex(mp4.index, picked);
    const scan = async () => {
      await whole();
      return await scanClocks(input, picked);
    };
    const clocks = indexed ?? (await quick)?.(picked) ?? (await scan());
    const decoded = await trial.decodes(description);
    if (picksOf(picked).some(({ index }) => !decoded.has(index))) await whole();
    const playable = await tryDecoding(input, picked, decoded);
    return assembleSource({
      container,
      sizeBytes,
      warnings: mp4?.warnings ?? [],
      picked: playable,
      chapters: description.chapters ?? [],
      clocks,
      copyable: indexed && copyable,
      fieldOrder: await findingFields,
      limits,
    });
  } finally {
    stopping.abort();
  }
}

/** The clocks of the picked streams from the time stamps of all packets, which takes longer the longer the file is. */
async function scanClocks(input: ProbeInput, picked: PickedStreams): Promise<Map<number, StreamClock>> {
  const clocks = new Map(
    picksOf(picked).map((stream) => [
      stream.index,
      new StreamClock(stream.timeBase, stream.raw.codec_type === 'audio' ? stream.raw.start_pts : undefined),
    ]),
  );
  await scanPackets(input, (packet) => clocks.get(packet.streamIndex)?.add(packet));
  return clocks;
}

const picksOf = ({ video, audios }: PickedStreams) => (video === undefined ? audios : [video, ...audios]);

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

/** An open source. */
interface OpenSource extends AsyncDisposable {
  readonly bytes: SourceBytes;
  readonly container: Container;
  readonly sizeBytes: number;
}

/** Opens a file and finds its container by its first bytes. */
async function openSource(path: string, parts: SourceParts | undefined): Promise<OpenSource> {
  const handle = await open(path, 'r').catch((cause) => {
    throw new KerkisError('not_found', 'SOURCE_MISSING', 'The source file is not there.', { cause });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile())
      throw new KerkisError('unsupported', 'SOURCE_NOT_MEDIA', 'The source is no regular file.');
    const head = Buffer.alloc(Math.min(sniffBytes, stats.size));
    const bytes = parts ? fetchedBytes(handle, parts) : handle;
    const { bytesRead } = await bytes.read(head, 0, head.length, 0);
    const container = sniffContainer(head.subarray(0, bytesRead));
    return { bytes, container, sizeBytes: stats.size, [Symbol.asyncDispose]: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
