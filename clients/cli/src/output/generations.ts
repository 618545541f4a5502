import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type Generation, GenerationState } from '@kerkis/contracts/catalog';
import { formatFields, formatTable, formatTime, plain } from './text.ts';

/** Generations of an asset as a table. */
export function generationTable(generations: readonly Generation[], activeId: string): string {
  const rows = generations.map((generation) => [
    generation.id,
    stateOf(generation),
    generation.id === activeId ? 'yes' : '',
    requested(generation),
    generation.profile?.name ?? '',
    generation.tracks.map(({ name }) => name).join(' '),
  ]);
  return formatTable(['ID', 'STATE', 'PLAYS', 'REQUESTED', 'PROFILE', 'TRACKS'], rows);
}

/** Everything about one generation. */
export function generationFields(generation: Generation): string {
  const { failure } = generation;
  return formatFields([
    ['id', generation.id],
    ['asset', generation.assetId],
    ['state', stateOf(generation)],
    ['failure', failure ? `${failure.reason}: ${plain(failure.message)}` : ''],
    ['profile', generation.profile?.name ?? ''],
    ['job', generation.jobId],
    ['requested', requested(generation)],
    ...generation.tracks.map(({ name }) => ['track', name] as const),
  ]);
}

const stateOf = ({ state, supersedeTime }: Generation) =>
  supersedeTime ? 'SUPERSEDED' : GenerationState[state];

const requested = ({ requestTime, createTime }: Generation) => {
  const time = requestTime ?? createTime;
  return formatTime(time && timestampDate(time));
};
