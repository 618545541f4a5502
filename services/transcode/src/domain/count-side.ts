import { create } from '@bufbuild/protobuf';
import { type Artefacts, ArtefactsSchema } from '@kerkis/contracts/media';
import { ChunkState } from '@kerkis/contracts/transcode';
import type { ChunkRecord } from './chunk.ts';
import { encodingProfile } from './encoding-profile.ts';
import type { JobRecord } from './job.ts';
import { sideChunkId } from './new-chunk.ts';
import { type SideResult, sideWorkOf } from './side-work.ts';

/** What the side work of a job says about it. */
export interface SideCount {
  /** Whether side work that the plan asks for has no record yet. */
  readonly isMissing: boolean;
  /** Whether all of it is finished or dead. */
  readonly hasEnded: boolean;
  /** What is stored beside the tracks so far. */
  readonly artefacts: Artefacts;
}

const ended: readonly ChunkState[] = [ChunkState.FINISHED, ChunkState.DEAD, ChunkState.CANCELLED];

/** Counts the side work that a running job asks for now. Records of other side work count for nothing. */
export function countSide(job: JobRecord, records: readonly ChunkRecord[]): SideCount {
  const known = new Map(records.map((record) => [record.chunk.id, record]));
  const wanted = job.plan ? sideWorkOf(job.plan, encodingProfile(job.profile)) : [];
  const found = wanted.map(({ work }) => known.get(sideChunkId(job, work)));
  return {
    isMissing: found.includes(undefined),
    hasEnded: found.every((record) => record && ended.includes(record.chunk.state)),
    artefacts: artefactsOf(found.flatMap((record) => record?.sideResult ?? [])),
  };
}

function artefactsOf(results: readonly SideResult[]): Artefacts {
  const artefacts = create(ArtefactsSchema);
  for (const result of results) {
    if (result.kind === 'poster') artefacts.poster = true;
  }
  return artefacts;
}
