import type { KerkisError } from '@kerkis/errors';
import { defaultProcessLimits } from '../process/confine.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { startProcess } from '../process/run-process.ts';
import { type ProbeInput, probeFailure } from './ffprobe.ts';
import type { PickedStream, PickedStreams } from './streams.ts';

/** How much of a stream is decoded until a frame must have come out, in seconds. */
const trialSeconds = 20;
const trialsAtOnce = 2;

/**
 * Decodes the first frame of each chosen stream that is not `known` to give one. Audio that gives none is left out while there is other
 * audio or video; if nothing is left the file is damaged.
 *
 * Throws the KerkisError that says why.
 */
export async function tryDecoding(
  input: ProbeInput,
  picked: PickedStreams,
  known: ReadonlySet<number>,
): Promise<PickedStreams> {
  const all = [...(picked.video === undefined ? [] : [picked.video]), ...picked.audios];
  const streams = all.filter(({ index }) => !known.has(index));
  const trials: Trial[] = [];
  for (let at = 0; at < streams.length; at += trialsAtOnce) {
    const batch = streams.slice(at, at + trialsAtOnce);
    trials.push(...(await Promise.all(batch.map((stream) => decodesFrame(input, stream)))));
  }
  const failureOf = (stream: PickedStream | undefined) =>
    trials.find((trial) => trial.index === stream?.index)?.failure;
  const videoFailure = failureOf(picked.video);
  const audios = picked.audios.filter((stream) => failureOf(stream) === undefined);
  const failure =
    videoFailure ?? (picked.video === undefined && audios.length === 0 ? trials[0]?.failure : undefined);
  if (failure !== undefined) throw failure;
  const lost = picked.audios.length - audios.length;
  const warnings =
    lost > 0 ? [...picked.warnings, 'An audio stream cannot be decoded; it is left out.'] : picked.warnings;
  return { ...picked, audios, warnings };
}

interface Trial {
  readonly index: number;
  readonly failure: KerkisError | undefined;
}

async function decodesFrame(input: ProbeInput, stream: PickedStream): Promise<Trial> {
  const { tools, path, container, limits, signal } = input;
  const guard = guardArgs({ container, maxPixels: limits.maxPixels, maxStreams: limits.maxStreams });
  const kind = stream.raw.codec_type === 'video' ? 'v' : 'a';
  const command = [
    ...[tools.ffmpeg, '-nostdin', '-hide_banner', '-v', 'error', '-threads', '1', '-t', `${trialSeconds}`],
    ...guard,
    ...inputArgs(path),
    ...['-map', `0:${stream.index}`, `-frames:${kind}`, '1', '-fps_mode', 'passthrough'],
    ...['-f', kind === 'v' ? 'rawvideo' : 's16le', ...(kind === 'v' ? ['-vf', 'scale=16:16'] : []), 'pipe:1'],
  ];
  const process = startProcess(tools, command, {
    limits: {
      ...defaultProcessLimits,
      memoryBytes: limits.memoryBytes,
      timeoutMs: limits.probeTimeoutMs,
      fileSizeBytes: 0,
    },
    readable: [path],
    signal,
  });
  let bytes = 0;
  for await (const chunk of process.stdout as AsyncIterable<Buffer>) bytes += chunk.length;
  const end = await process.ended;
  return { index: stream.index, failure: bytes > 0 ? undefined : probeFailure(end) };
}
