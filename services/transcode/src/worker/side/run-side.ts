import { KerkisError } from '@kerkis/errors';
import type { ExtraOptions, MediaPlan } from '@kerkis/media';
import type { ObjectBody, ObjectStore } from '@kerkis/objects';
import type { ChunkRecord } from '../../domain/chunk.ts';
import type { JobRecord } from '../../domain/job.ts';
import { type GenerationPlace, generationPrefix } from '../../domain/segment-keys.ts';
import type { SideKind, SideResult, SideResults, SideWork, SideWorkOf } from '../../domain/side-work.ts';
import { makeScratch } from '../../scratch.ts';
import type { SourceFiles } from '../../source-files.ts';
import type { ChunkEncoding, EncodeConditions, Encoder } from '../encode-chunk.ts';
import { copyGeneration } from './copy-generation.ts';
import { runDownload } from './download.ts';
import { runIFrames } from './iframes.ts';
import { runLook } from './look.ts';
import { runPoster } from './poster.ts';
import { runQuality } from './quality.ts';
import { runStoryboard } from './storyboard.ts';
import { runText } from './text.ts';
import { runThumbnail } from './thumbnail.ts';
import { runWaveform } from './waveform.ts';

/** What side work needs of its worker. */
export interface RunSideDependencies {
  readonly sources: SourceFiles;
  readonly objects: Pick<ObjectStore, 'put' | 'get' | 'getBytes' | 'copy' | 'list'>;
  readonly encoder: Pick<Encoder, 'options'>;
  readonly scratchDirectory: string;
  /** Called when a file is there that somebody may be waiting for. */
  readonly onFileStored: (place: GenerationPlace, objectKey: string) => void;
}

/** What one side work has to do with. */
interface SideRun {
  readonly plan: MediaPlan;
  /** Where the generation is stored. */
  readonly place: GenerationPlace;
  /** The source, and how to run ffmpeg on it. */
  readonly options: ExtraOptions;
  readonly objects: RunSideDependencies['objects'];
  readonly signal: AbortSignal;
  /** A new directory for files that are needed for a moment. */
  scratch(): Promise<{ readonly path: string } & AsyncDisposable>;
  /** Stores a file below the generation, e.g. `images/poster.jpg`, if this worker still may. Returns its size. */
  store(
    path: string,
    body: ObjectBody,
    options?: { contentType?: string; sizeBytes?: number },
  ): Promise<number>;
}

/** Does side work of one kind. */
export type SideRunner<K extends SideKind> = (run: SideRun, work: SideWorkOf<K>) => Promise<SideResults[K]>;

/** Kinds for which the source is opened. */
type SourceKind = Exclude<SideKind, 'copy'>;

const runners: { readonly [K in SourceKind]: SideRunner<K> } = {
  poster: runPoster,
  thumbnail: runThumbnail,
  storyboard: runStoryboard,
  waveform: runWaveform,
  text: runText,
  download: runDownload,
  look: runLook,
  quality: runQuality,
  iframes: runIFrames,
};

/** Does the side work of a chunk and stores what it makes. When `done` is settled, well or not, nothing of it is written any more. */
export function runSide(
  deps: RunSideDependencies,
  job: JobRecord,
  record: ChunkRecord,
  conditions: EncodeConditions,
): ChunkEncoding {
  let speed = 0;
  const stored: Record<string, number> = {};

  async function run(): Promise<{ measured: Record<string, never>; sideResult: SideResult }> {
    const { plan, source } = job;
    const { signal, priority, assertHeld } = conditions;
    if (!plan || !record.side) {
      throw new KerkisError('internal', 'JOB_HAS_NO_PLAN', 'The job of this chunk has no plan.');
    }
    if (record.side.kind === 'copy') {
      const { copyOf } = job;
      if (!copyOf)
        throw new KerkisError('internal', 'JOB_COPIES_NOTHING', 'The job of this chunk copies nothing.');
      const onCopied = (path: string) => {
        deps.onFileStored(record, `${generationPrefix(record)}${path}`);
        const track = path.endsWith('.m4s') ? path.slice(0, path.lastIndexOf('/')) : '';
        if (track !== '') stored[track] = (stored[track] ?? 0) + 1;
      };
      await copyGeneration({ objects: deps.objects, onCopied }, copyOf, record, conditions);
      return { measured: {}, sideResult: { kind: 'copy' } };
    }
    await using file = await deps.sources.open(source.objectKey, signal);
    const options = deps.encoder.options({
      sourcePath: file.path,
      priority,
      signal,
      mediaSeconds: plan.source.durationSeconds,
      onSpeed: (now) => {
        speed = now;
      },
    });
    const store: SideRun['store'] = async (path, body, how) => {
      signal.throwIfAborted();
      assertHeld();
      const key = `${generationPrefix(record)}${path}`;
      const { sizeBytes } = await deps.objects.put(key, whileHeld(body, assertHeld), how);
      deps.onFileStored(record, key);
      return sizeBytes;
    };
    const { objects } = deps;
    const scratch = () => makeScratch(deps.scratchDirectory);
    const side = { plan, place: record, options, objects, signal, scratch, store };
    const sideResult = await runOne(side, record.side);
    signal.throwIfAborted();
    return { measured: {}, sideResult };
  }

  return { progress: () => ({ stored: { ...stored }, speed }), done: run() };
}

function runOne(run: SideRun, work: SideWorkOf<SourceKind>): Promise<SideResult> {
  const runner = runners[work.kind] as (run: SideRun, work: SideWork) => Promise<SideResult>;
  return runner(run, work);
}

/** A long body is not completed by a worker that lost its lease on the way. */
function whileHeld(body: ObjectBody, assertHeld: () => void): ObjectBody {
  if (body instanceof Uint8Array) return body;
  return (async function* () {
    for await (const chunk of body) {
      assertHeld();
      yield chunk;
    }
    assertHeld();
  })();
}
