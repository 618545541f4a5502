import { createInterface } from 'node:readline';
import { KerkisError } from '@kerkis/errors';
import { defaultProcessLimits } from '../process/confine.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { type ProcessEnd, startProcess } from '../process/run-process.ts';
import type { MediaTools } from '../process/tools.ts';
import { hdrEntries, type RawSideData } from './hdr-metadata.ts';
import type { SourceLimits } from './limits.ts';
import type { Container } from './source-info.ts';

/** A file and what it costs at most to look at it. */
export interface ProbeInput {
  readonly tools: MediaTools;
  readonly path: string;
  readonly container: Container;
  readonly sizeBytes: number;
  readonly limits: SourceLimits;
  readonly signal?: AbortSignal | undefined;
}

/** Storage that is slower than 20 MB/s is not waited for. */
const slowestReadBytesPerMs = 20_000;
/** More than this much description of streams is no honest file. */
const maxDescriptionBytes = 8 * 1024 ** 2;

const streamEntries = [
  'index,id,codec_name,codec_type,codec_tag_string,profile,width,height,sample_aspect_ratio,pix_fmt,field_order',
  'color_range,color_space,color_transfer,color_primaries,r_frame_rate,avg_frame_rate,time_base,start_pts',
  'sample_rate,channels,channel_layout',
].join(',');

const describedEntries = [
  `stream=${streamEntries}`,
  'stream_disposition=default,forced,attached_pic,still_image',
  'stream_tags=language,title',
  `stream_side_data=displaymatrix,${hdrEntries}`,
  'chapter=start_time,end_time',
  'chapter_tags=title',
].join(':');

/** Runs ffprobe for format, streams and chapters; its JSON, not looked at yet. */
export function describeStreams(input: ProbeInput): Promise<unknown> {
  return readJson(input, ['-show_entries', describedEntries, '-of', 'json']);
}

/** Side data of the first picture of a video stream: what HEVC tells in its own messages and no container repeats. */
export async function describeFirstPicture(input: ProbeInput, index: number): Promise<RawSideData[]> {
  const entries = `frame=pts:frame_side_data=${hdrEntries}`;
  const first = ['-select_streams', `${index}`, '-read_intervals', '%+#1'];
  const json = (await readJson(input, [...first, '-show_entries', entries, '-of', 'json'])) as {
    readonly frames?: readonly { readonly side_data_list?: RawSideData[] }[];
  };
  return json.frames?.[0]?.side_data_list ?? [];
}

async function readJson(input: ProbeInput, args: readonly string[]): Promise<unknown> {
  const probe = startProbe(input, args);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of probe.stdout as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxDescriptionBytes) {
      probe.stop();
      break;
    }
    chunks.push(chunk);
  }
  const end = await probe.ended;
  if (size > maxDescriptionBytes) {
    throw new KerkisError(
      'unsupported',
      'SOURCE_TOO_MANY_STREAMS',
      'The file describes far too many streams or chapters.',
    );
  }
  throwOnFailure(end);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new KerkisError('invalid', 'SOURCE_CORRUPT', 'The file cannot be read as media.', { cause });
  }
}

/** One packet: time stamps in ticks of its stream's time base, undefined when the file has none. */
export interface Packet {
  readonly streamIndex: number;
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  readonly duration: number;
  readonly isKeyframe: boolean;
}

/** Runs ffprobe over all packets and hands each to `onPacket`; those that are never shown are left out. */
export async function scanPackets(input: ProbeInput, onPacket: (packet: Packet) => void): Promise<void> {
  const entries = 'packet=stream_index,pts,dts,duration,flags';
  const readingMs = Math.ceil(input.sizeBytes / slowestReadBytesPerMs);
  const limits = { ...input.limits, probeTimeoutMs: input.limits.probeTimeoutMs + readingMs };
  const probe = startProbe({ ...input, limits }, ['-show_entries', entries, '-of', 'csv=p=0']);
  let count = 0;
  for await (const line of createInterface({ input: probe.stdout, crlfDelay: Infinity })) {
    const packet = parsePacket(line);
    if (packet === undefined) continue;
    if (++count > input.limits.maxPackets) {
      probe.stop();
      break;
    }
    onPacket(packet);
  }
  const end = await probe.ended;
  if (count > input.limits.maxPackets) {
    throw new KerkisError('unsupported', 'SOURCE_TOO_LONG', 'The file has more packets than allowed.', {
      details: { maxPackets: `${input.limits.maxPackets}` },
    });
  }
  // A file that is damaged in the middle ends the scan with an error; what came before counts.
  if (count === 0 || end.isTimedOut || end.isAborted) throwOnFailure(end);
}

function parsePacket(line: string): Packet | undefined {
  const [index = '', pts, dts, duration, flags = ''] = line.split(',');
  if (index === '' || flags[1] === 'D') return undefined;
  return {
    streamIndex: Number(index),
    pts: parseTicks(pts),
    dts: parseTicks(dts),
    duration: Math.max(0, parseTicks(duration) ?? 0),
    isKeyframe: flags[0] === 'K',
  };
}

/** Ticks beyond 2⁵¹ are nonsense that would lose precision. */
export function parseTicks(text: string | undefined): number | undefined {
  const value = text === undefined || text === '' || text === 'N/A' ? Number.NaN : Number(text);
  return Math.abs(value) < 2 ** 51 ? value : undefined;
}

function startProbe({ tools, path, container, limits, signal }: ProbeInput, args: readonly string[]) {
  const guard = guardArgs({ container, maxPixels: limits.maxPixels, maxStreams: limits.maxStreams });
  const command = [
    tools.ffprobe,
    '-v',
    'error',
    '-hide_banner',
    '-threads',
    '1',
    ...guard,
    ...args,
    ...inputArgs(path),
  ];
  return startProcess(tools, command, {
    limits: {
      ...defaultProcessLimits,
      memoryBytes: limits.memoryBytes,
      timeoutMs: limits.probeTimeoutMs,
      cpuSeconds: Math.ceil(limits.probeTimeoutMs / 1000),
      fileSizeBytes: 0,
    },
    readable: [path],
    signal,
  });
}

function throwOnFailure(end: ProcessEnd): void {
  if (end.exitCode === 0 && !end.isTimedOut && !end.isAborted) return;
  throw probeFailure(end);
}

/** Why ffprobe (or a trial decode) failed, as a typed error. */
export function probeFailure(end: ProcessEnd): KerkisError {
  const text = end.errorLines.join('\n');
  const details = {
    exitCode: `${end.exitCode ?? ''}`,
    signal: end.signalName ?? '',
    lastLine: lastLine(end),
  };
  const options = { details, cause: new Error(text) };
  if (end.isAborted) return new KerkisError('cancelled', 'CANCELLED', 'The probe was cancelled.', options);
  if (end.isTimedOut || end.signalName === 'SIGXCPU' || end.signalName === 'SIGKILL') {
    return new KerkisError('invalid', 'SOURCE_PROBE_TIMEOUT', 'The file takes too long to look at.', options);
  }
  if (/moov atom not found|End of file/i.test(text)) {
    return new KerkisError(
      'invalid',
      'SOURCE_TRUNCATED',
      'The file is cut off: its index is missing. Upload it again.',
      options,
    );
  }
  if (/max_streams|too many streams/i.test(text)) {
    return new KerkisError(
      'unsupported',
      'SOURCE_TOO_MANY_STREAMS',
      'The file has too many streams.',
      options,
    );
  }
  if (/not on whitelist/i.test(text)) {
    return new KerkisError(
      'unsupported',
      'SOURCE_CODEC_UNSUPPORTED',
      'The file uses a codec that is not supported.',
      options,
    );
  }
  if (/Picture size .* (is invalid|exceeds)/i.test(text)) {
    return new KerkisError(
      'unsupported',
      'SOURCE_TOO_LARGE_PICTURE',
      'The picture is larger than allowed.',
      options,
    );
  }
  return new KerkisError(
    'invalid',
    'SOURCE_CORRUPT',
    'The file is damaged: nothing in it can be read.',
    options,
  );
}

/** The last line without addresses of memory or paths of this machine. */
function lastLine(end: ProcessEnd): string {
  return (end.errorLines.at(-1) ?? '').replace(/\s*@ 0x[0-9a-f]+/g, '').replace(/(file:)?\/\S+/g, 'the file');
}
