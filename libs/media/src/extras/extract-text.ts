import type { Readable } from 'node:stream';
import { KerkisError } from '@kerkis/errors';
import type { EncodeSettings } from '../encode/video-args.ts';
import { type SourceInfo, toPresentationSeconds, toSourceSeconds } from '../probe/source-info.ts';
import { guardArgs, inputArgs } from '../process/input-args.ts';
import { startFfmpeg } from '../process/run-ffmpeg.ts';
import { type AssEvent, readAssEvent, readAssText } from './ass-text.ts';
import { abandon, type ExtraOptions, plainOutput, quietArgs } from './run.ts';
import { type Cue, cueText, webVtt } from './web-vtt.ts';

/** The text of one stream. */
export interface ExtractedText {
  readonly sourceIndex: number;
  /** The whole track as WebVTT, UTF-8, without a byte order mark. */
  readonly bytes: Buffer;
  readonly cueCount: number;
  /** Whether there was more than is allowed, so that the end is missing. */
  readonly isCut: boolean;
}

/** The format between counts up to 9:59:59.99: longer sources are read in windows of this length. */
const windowSeconds = 9 * 3600;
/** Bounds of one track; a long film has some thousand cues and 200 KB. */
const maxScriptBytes = 16 * 1024 ** 2;
const maxCues = 20_000;
const maxCueLength = 4_000;
const maxVttBytes = 4 * 1024 ** 2;
/** A line is one cue with its place and style: nothing in one that is longer could be shown. */
const maxLineLength = 32_768;
/** What a cue without an end gets, unless the next one comes earlier. */
const defaultCueMs = 5_000;

/**
 * Arguments of the ffmpeg that writes subtitle streams as ASS, each to a file descriptor from 3 on; time zero is source time
 * `fromSeconds`. Neither pictures nor sound are decoded.
 */
export function textArgs(
  source: SourceInfo,
  streamIndices: readonly number[],
  fromSeconds: number,
  settings: EncodeSettings,
): string[] {
  return [
    ...quietArgs,
    ...['-copyts', '-itsoffset', `${-fromSeconds}`, '-threads', '1', '-vn', '-an', '-dn'],
    ...guardArgs({ container: source.container, ...settings }),
    ...inputArgs(settings.sourcePath),
    ...streamIndices.flatMap((index, at) => [
      ...['-map', `0:${index}`, '-c:s', 'ass', ...plainOutput, '-avoid_negative_ts', 'disabled'],
      ...['-f', 'ass', '-ignore_readorder', '1', `pipe:${at + 3}`],
    ]),
  ];
}

/**
 * Makes WebVTT of text subtitles, all with one look at the source: times are of the presentation, cues are sorted, markup that WebVTT
 * does not have is gone, cues that are empty, endless or out of the presentation are left out.
 *
 * Throws KerkisError `unsupported` SOURCE_HAS_NO_TEXT when a stream is no text subtitle, or what `startFfmpeg` rejects with.
 */
export async function extractTexts(
  source: SourceInfo,
  streamIndices: readonly number[],
  options: ExtraOptions,
): Promise<ExtractedText[]> {
  for (const index of streamIndices) {
    if (!source.subtitles.some((stream) => stream.index === index && stream.isText)) {
      throw new KerkisError('unsupported', 'SOURCE_HAS_NO_TEXT', `Stream ${index} is no text subtitle.`);
    }
  }
  const scripts = streamIndices.map(() => new Script(source));
  if (scripts.length === 0) return [];
  const end = toSourceSeconds(source.timeline, source.durationSeconds);
  for (const window of windowsOf(source, end))
    await readWindow(source, streamIndices, scripts, window, options);
  return scripts.map((script, at) => ({ sourceIndex: streamIndices[at] ?? 0, ...script.finish() }));
}

/** The same for one stream. */
export async function extractText(
  source: SourceInfo,
  streamIndex: number,
  options: ExtraOptions,
): Promise<ExtractedText> {
  const [text] = await extractTexts(source, [streamIndex], options);
  return text as ExtractedText;
}

/** Starts of windows in source time. A stretch that is cut out of the presentation is passed over. */
function windowsOf({ timeline }: SourceInfo, end: number): number[] {
  const windows = [timeline.startSeconds];
  for (;;) {
    let next = (windows.at(-1) ?? 0) + windowSeconds;
    for (const gap of timeline.gaps)
      if (next > gap.endSeconds - gap.seconds) next = Math.max(next, gap.endSeconds);
    if (next >= end) return windows;
    windows.push(next);
  }
}

async function readWindow(
  source: SourceInfo,
  streamIndices: readonly number[],
  scripts: readonly Script[],
  fromSeconds: number,
  options: ExtraOptions,
): Promise<void> {
  const args = textArgs(source, streamIndices, fromSeconds, options);
  const readable = [options.sourcePath];
  const ffmpeg = startFfmpeg(args, { ...options, readable, pipeCount: streamIndices.length });
  const read = scripts.map((script, at) => readScript(ffmpeg.pipes[at], script, fromSeconds));
  await Promise.all(read).catch((error) => {
    abandon(ffmpeg);
    throw error;
  });
  await ffmpeg.ended;
}

/** Takes the events of one window, up to a size; the rest is read and dropped. */
async function readScript(pipe: Readable | undefined, script: Script, fromSeconds: number): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  let isTooLong = false;
  let sizeBytes = 0;
  const take = (line: string) => {
    const event = readAssEvent(line);
    if (event !== undefined && event.startMs < windowSeconds * 1000) script.add(event, fromSeconds);
  };
  for await (const chunk of (pipe ?? []) as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxScriptBytes) continue;
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (isTooLong) {
      if (lines.shift() === undefined) {
        rest = '';
        continue;
      }
      isTooLong = false;
    }
    if (rest.length > maxLineLength) [isTooLong, rest] = [true, ''];
    for (const line of lines) take(line);
  }
  if (sizeBytes > maxScriptBytes) script.cut();
  else if (!isTooLong) take(rest);
}

/** The cues of one stream. */
class Script {
  readonly #source: SourceInfo;
  readonly #cues: (Cue & { readonly order: number })[] = [];
  #isCut = false;

  constructor(source: SourceInfo) {
    this.#source = source;
  }

  add({ startMs, endMs, text }: AssEvent, fromSeconds: number): void {
    if (text.length > maxCueLength) return;
    const shown = cueText(readAssText(text));
    if (shown === '') return;
    if (this.#cues.length >= maxCues) {
      this.cut();
      return;
    }
    const { timeline } = this.#source;
    const toMs = (ms: number) => Math.round(1000 * toPresentationSeconds(timeline, fromSeconds + ms / 1000));
    this.#cues.push({ startMs: toMs(startMs), endMs: toMs(endMs), text: shown, order: this.#cues.length });
  }

  cut(): void {
    this.#isCut = true;
  }

  finish(): Omit<ExtractedText, 'sourceIndex'> {
    const { durationMs } = this.#source;
    const sorted = this.#cues.sort((a, b) => a.startMs - b.startMs || a.order - b.order);
    const cues: Cue[] = [];
    let sizeBytes = 0;
    let isCut = this.#isCut;
    sorted.forEach((cue, at) => {
      const next =
        sorted.slice(at + 1, at + 100).find(({ startMs }) => startMs > cue.startMs)?.startMs ?? durationMs;
      const wanted = cue.endMs > cue.startMs ? cue.endMs : Math.min(cue.startMs + defaultCueMs, next);
      const startMs = Math.max(0, cue.startMs);
      const endMs = Math.min(durationMs, wanted);
      if (endMs <= startMs || isRepeated(cues.at(-1), cue.text, startMs, endMs)) return;
      sizeBytes += 32 + Buffer.byteLength(cue.text);
      if (sizeBytes > maxVttBytes) isCut = true;
      else cues.push({ startMs, endMs, text: cue.text });
    });
    return { bytes: Buffer.from(webVtt(cues)), cueCount: cues.length, isCut };
  }
}

/** Scripts write the same words twice for an outline or a shadow. */
function isRepeated(last: Cue | undefined, text: string, startMs: number, endMs: number): boolean {
  return last?.text === text && last.startMs === startMs && last.endMs === endMs;
}
