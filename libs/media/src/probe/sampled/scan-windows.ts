import { createInterface } from 'node:readline';
import { defaultProcessLimits } from '../../process/confine.ts';
import { guardArgs } from '../../process/input-args.ts';
import { startProcess } from '../../process/run-process.ts';
import { type Packet, type ProbeInput, parseTicks } from '../ffprobe.ts';
import { type ByteSource, SamplingRefusal } from './byte-source.ts';
import type { SampledWindow } from './places.ts';

/** Packets of each stream, by window in the order of the file. */
export type SampledPackets = ReadonlyMap<number, readonly (readonly Packet[])[]>;

/** So much is handed on at once. */
const pieceBytes = 1024 ** 2;

/**
 * Has ffprobe read the windows as if they were one file: its demuxer and parsers say of each packet what they say in a scan. Throws
 * SamplingRefusal.
 */
export async function scanWindows(
  input: ProbeInput,
  source: ByteSource,
  head: Buffer,
  windows: readonly SampledWindow[],
): Promise<SampledPackets> {
  const { tools, container, limits, signal } = input;
  const guard = { container, maxPixels: limits.maxPixels, maxStreams: limits.maxStreams };
  const entries = 'packet=stream_index,pts,dts,duration,pos,flags';
  const command = [
    ...[tools.ffprobe, '-v', 'error', '-hide_banner', '-threads', '1'],
    ...guardArgs({ ...guard, protocol: 'pipe' }),
    ...['-show_entries', entries, '-of', 'csv=p=0', '-i', 'pipe:0'],
  ];
  let hasAll = false;
  async function* pieces() {
    yield head;
    for (const { start, end } of windows) {
      for (let at = start; at < end; at += pieceBytes)
        yield await source.read(at, Math.min(pieceBytes, end - at));
    }
    hasAll = true;
  }
  const process = startProcess(tools, command, {
    limits: {
      ...defaultProcessLimits,
      memoryBytes: limits.memoryBytes,
      timeoutMs: limits.probeTimeoutMs,
      cpuSeconds: Math.ceil(limits.probeTimeoutMs / 1000),
      fileSizeBytes: 0,
    },
    readable: [],
    input: pieces(),
    signal,
  });
  const packets = new WindowedPackets(head.length, windows, limits.maxPackets);
  try {
    for await (const line of createInterface({ input: process.stdout, crlfDelay: Infinity }))
      packets.add(line);
  } catch (error) {
    process.stop();
    throw error;
  }
  const { exitCode } = await process.ended;
  if (exitCode !== 0 || !hasAll) throw new SamplingRefusal('the windows cannot be read');
  return packets.byStream;
}

class WindowedPackets {
  readonly byStream = new Map<number, Packet[][]>();
  readonly #ends: readonly number[];
  readonly #max: number;
  readonly #positions = new Map<number, number>();
  #count = 0;

  constructor(headBytes: number, windows: readonly SampledWindow[], max: number) {
    let at = headBytes;
    this.#ends = windows.map(({ start, end }) => {
      at += end - start;
      return at;
    });
    this.#max = max;
  }

  /** `0,1024,1024,1024,5640,K_`: what a parser cut out of the packet before has no position of its own. */
  add(line: string): void {
    const [index = '', pts, dts, duration, pos, flags = ''] = line.split(',');
    if (index === '' || flags[1] === 'D') return;
    if (++this.#count > this.#max) throw new SamplingRefusal('there are too many packets');
    const streamIndex = Number(index);
    const position = parseTicks(pos) ?? this.#positions.get(streamIndex) ?? 0;
    this.#positions.set(streamIndex, position);
    const found = this.#ends.findIndex((end) => position < end);
    const window = found < 0 ? this.#ends.length - 1 : found;
    let windows = this.byStream.get(streamIndex);
    if (windows === undefined) {
      windows = this.#ends.map(() => []);
      this.byStream.set(streamIndex, windows);
    }
    windows[window]?.push({
      streamIndex,
      pts: parseTicks(pts),
      dts: parseTicks(dts),
      duration: Math.max(0, parseTicks(duration) ?? 0),
      isKeyframe: flags[0] === 'K',
    });
  }
}
