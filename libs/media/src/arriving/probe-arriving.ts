import { type FileHandle, open } from 'node:fs/promises';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { SourceLimits } from '../probe/limits.ts';
import { type ProbeOptions, probeSource } from '../probe/probe-source.ts';
import { sniffBytes, sniffContainer } from '../probe/sniff.ts';
import { type Container, type SourceInfo, toPresentationSeconds } from '../probe/source-info.ts';
import { type ArrivalNeeds, arrivalNeeds, marginSeconds, readySeconds } from './arrival-needs.ts';
import { readMp4Beginning } from './mp4-beginning.ts';

/** What can be told of a source whose first bytes are there. */
export type ArrivingSource =
  /** Not enough is there; more may tell. */
  | { readonly kind: 'later' }
  /** Nothing can be begun before all of it is there. */
  | { readonly kind: 'never' }
  /** An index at the beginning tells the whole source, and where in it what lies. */
  | { readonly kind: 'told'; readonly source: SourceInfo; readonly needs: ArrivalNeeds }
  /** The source as far as it is there; it will be longer. So much of its presentation can be encoded now, in seconds. */
  | { readonly kind: 'open'; readonly source: SourceInfo; readonly readySeconds: number };

/** How much of a file is there. */
export interface ArrivedBytes {
  /** Bytes from the first one on. The file may have more, which mean nothing. */
  readonly arrivedBytes: number;
  /** What it will have in the end, if that is known. */
  readonly sizeBytes?: number | undefined;
}

/** Containers that tell of their streams at the beginning, and of each frame where it is. */
const opens: readonly Container[] = ['matroska', 'mpegts', 'mp3', 'aac'];
/** So much must be there before the first look: all that a probe decodes. */
const minReadySeconds = 24;

/**
 * Looks at the beginning of a source while the rest of it is on its way. Throws only what says nothing about the file, such as
 * `cancelled`.
 */
export async function probeArriving(
  path: string,
  arrived: ArrivedBytes,
  limits: SourceLimits,
  options: ProbeOptions,
): Promise<ArrivingSource> {
  try {
    const found = await probe(path, arrived, limits, options);
    if (found.kind === 'told' && readySeconds(found.needs, arrived.arrivedBytes) < minReadySeconds)
      return later;
    return found.kind === 'open' && found.readySeconds < minReadySeconds ? later : found;
  } catch (error) {
    if (!isKerkisError(error)) throw error;
    if (error.kind === 'unsupported') return never;
    // A beginning may be cut where nothing can be read of it.
    if (error.kind === 'invalid' || error.kind === 'not_found') return later;
    throw error;
  }
}

const later = { kind: 'later' } as const;
const never = { kind: 'never' } as const;

async function probe(
  path: string,
  arrived: ArrivedBytes,
  limits: SourceLimits,
  options: ProbeOptions,
): Promise<ArrivingSource> {
  await using file = await open(path, 'r').catch((cause) => {
    throw new KerkisError('not_found', 'SOURCE_MISSING', 'The source file is not there.', { cause });
  });
  const container = await containerOf(file, arrived.arrivedBytes);
  if (container === 'mov') return await probeMp4(file, path, arrived, limits, options);
  return opens.includes(container) ? await probeOpen(path, arrived, limits, options) : never;
}

async function containerOf(file: FileHandle, arrivedBytes: number): Promise<Container> {
  const head = Buffer.alloc(Math.min(sniffBytes, arrivedBytes));
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  return sniffContainer(head.subarray(0, bytesRead));
}

async function probeMp4(
  file: FileHandle,
  path: string,
  arrived: ArrivedBytes,
  limits: SourceLimits,
  options: ProbeOptions,
): Promise<ArrivingSource> {
  const beginning = await readMp4Beginning(file, arrived.arrivedBytes);
  if (beginning.kind === 'open') return await probeOpen(path, arrived, limits, options);
  if (beginning.kind !== 'told') return beginning;
  const sizeBytes = arrived.sizeBytes ?? Number.MAX_SAFE_INTEGER;
  const source = await probeSource(path, limits, { ...options, arriving: { ...arrived, sizeBytes } });
  const needs = arrivalNeeds(beginning.moov, source, sizeBytes);
  return needs ? { kind: 'told', source, needs } : never;
}

async function probeOpen(
  path: string,
  arrived: ArrivedBytes,
  limits: SourceLimits,
  options: ProbeOptions,
): Promise<ArrivingSource> {
  const source = await probeSource(path, limits, {
    ...options,
    arriving: { arrivedBytes: arrived.arrivedBytes },
  });
  const { video, audios, timeline } = source;
  const ends = [...(video ? [video] : []), ...audios].map(({ endSeconds }) => endSeconds);
  const endSeconds = toPresentationSeconds(timeline, Math.min(...ends));
  return { kind: 'open', source, readySeconds: Math.max(0, endSeconds - marginSeconds) };
}
