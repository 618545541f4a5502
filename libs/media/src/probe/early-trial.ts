import { createInterface } from 'node:readline';
import { defaultProcessLimits } from '../process/confine.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { startProcess } from '../process/run-process.ts';
import type { ProbeInput } from './ffprobe.ts';
import type { RawDescription } from './stream-description.ts';

/** A decoding of the first frame of everything, begun before it is known what is in the file. */
export interface EarlyTrial {
  /** Indices of streams that gave a frame. What is not in it may still decode. Waits a moment, never rejects. */
  decodes(description: RawDescription): Promise<ReadonlySet<number>>;
}

/** How long a trial may go on after everything else is known. */
const patienceMs = 1_500;
const trialSeconds = '20';

/** Starts it. Ends when the signal of `input` does, at the latest. */
export function startEarlyTrial(input: ProbeInput): EarlyTrial {
  const { tools, path, container, limits, signal } = input;
  const stopping = new AbortController();
  const command = [
    ...[tools.ffmpeg, '-nostdin', '-hide_banner', '-v', 'error', '-threads', '1', '-t', trialSeconds],
    ...guardArgs({ container, maxPixels: limits.maxPixels, maxStreams: limits.maxStreams }),
    ...inputArgs(path),
    // A number of frames for one stream would end the others with it.
    ...['-map', '0:V:0?', '-vf', 'trim=end_frame=1,scale=16:16', '-fps_mode', 'passthrough'],
    ...['-map', '0:a?', '-af', 'atrim=end_sample=64', '-flush_packets', '1', '-f', 'framecrc', 'pipe:1'],
  ];
  const process = startProcess(tools, command, {
    limits: {
      ...defaultProcessLimits,
      memoryBytes: limits.memoryBytes,
      timeoutMs: limits.probeTimeoutMs,
      fileSizeBytes: 0,
    },
    readable: [path],
    signal: signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]),
  });
  const outputs: { isVideo: boolean; hasFrame: boolean }[] = [];
  const read = (async () => {
    try {
      for await (const line of createInterface({ input: process.stdout })) readLine(line, outputs);
    } catch {
      // The pipe broke because the process was stopped: what came until then counts.
    }
    await process.ended;
  })();
  return {
    async decodes(description) {
      const timer = setTimeout(() => stopping.abort(), patienceMs);
      await read;
      clearTimeout(timer);
      return matched(outputs, description);
    },
  };
}

/** `#media_type 0: video` for each output, then `0, …` for each frame. */
function readLine(line: string, outputs: { isVideo: boolean; hasFrame: boolean }[]): void {
  const header = /^#media_type (\d{1,3}): (video|audio)$/.exec(line);
  if (header !== null) outputs[Number(header[1])] = { isVideo: header[2] === 'video', hasFrame: false };
  const output = outputs[Number(/^(\d{1,3}),/.exec(line)?.[1] ?? -1)];
  if (output !== undefined) output.hasFrame = true;
}

/** Outputs are the first video that is no cover, then all sound, in the order of the file. */
function matched(
  outputs: readonly { isVideo: boolean; hasFrame: boolean }[],
  { streams = [] }: RawDescription,
): Set<number> {
  const video = streams.find(
    (stream) => stream.codec_type === 'video' && stream.disposition?.attached_pic !== 1,
  );
  const audios = streams.filter((stream) => stream.codec_type === 'audio');
  const expected = [...(video === undefined ? [] : [video]), ...audios];
  const isAsExpected =
    outputs.length === expected.length &&
    expected.every((stream, index) => outputs[index]?.isVideo === (stream.codec_type === 'video'));
  if (!isAsExpected) return new Set();
  return new Set(expected.filter((_, index) => outputs[index]?.hasFrame).map((stream) => stream.index));
}
