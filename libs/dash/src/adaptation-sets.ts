import type { Track } from './presentation.ts';
import { alignmentKey } from './timeline.ts';

/** Tracks among which a player may switch at any segment. */
export interface AdaptationSet {
  /** Of all its tracks. */
  readonly kind: Track['kind'];
  /** At least one, in the order of the presentation. */
  readonly tracks: readonly [Track, ...Track[]];
  /** Canonical BCP 47 tag, `und` when unknown; absent for video. */
  readonly language?: string | undefined;
  /** Higher is preferred; given where one codec has several sets, so that players begin with the real ladder. */
  readonly selectionPriority?: number | undefined;
  /** Indexes of the sets that a player may switch to from this one, although their segments begin elsewhere. */
  readonly switchableTo: readonly number[];
}

/** The canonical BCP 47 tag (`eng` becomes `en`), `und` for an unknown or malformed one. */
export function languageTag(language: string): string {
  if (language === '' || language.length > 100) return 'und';
  try {
    return Intl.getCanonicalLocales(language)[0] ?? 'und';
  } catch {
    return 'und';
  }
}

/**
 * What is told of an audio track. Tracks of one group that say the same are different things to hear all the same, so
 * they are counted; in different groups they are qualities of one thing.
 */
function audioKeys(audios: readonly Track[], audioOnly: boolean): Map<Track, string> {
  const said = (track: Track): string =>
    `${languageTag(track.audio?.language ?? '')}\n${track.audio?.label ?? ''}`;
  const ungrouped = audios.every((track) => track.audio?.group === undefined);
  // Without video and groups, tracks that all say the same are taken for a ladder, as in HLS.
  const isLadder = audioOnly && ungrouped && new Set(audios.map(said)).size === 1;
  const seen = new Map<string, number>();
  const keys = new Map<Track, string>();
  for (const track of audios) {
    const ownGroup = isLadder ? track.name : `${track.codec} ${track.audio?.channels}`;
    const inGroup = `${track.audio?.group ?? ownGroup}\n${said(track)}`;
    const ordinal = (seen.get(inGroup) ?? 0) + 1;
    seen.set(inGroup, ordinal);
    keys.set(track, `${said(track)}\n${track.audio?.channels} ${track.audio?.sampleRate} ${ordinal}`);
  }
  return keys;
}

/** Whether the same is there in more channels too: a player that knows nothing of its loudspeakers begins with stereo. */
function isStereoOfMore(set: AdaptationSet, sets: readonly AdaptationSet[]): boolean {
  const channels = (other: AdaptationSet): number => other.tracks[0].audio?.channels ?? 0;
  const same = sets.filter(
    (other) =>
      other.kind === 'audio' &&
      other.language === set.language &&
      other.tracks[0].audio?.label === set.tracks[0].audio?.label,
  );
  return channels(set) <= 2 && same.some((other) => channels(other) > 2);
}

/** Sets of one video codec and range differ in where their segments begin only: players may go from one to another. */
function withRivals(sets: readonly AdaptationSet[]): AdaptationSet[] {
  const looks = ({ tracks: [first] }: AdaptationSet): string =>
    `${first.codec.split('.')[0]} ${first.video?.videoRange ?? 'SDR'}`;
  return sets.map((set) => {
    if (set.kind === 'audio') return isStereoOfMore(set, sets) ? { ...set, selectionPriority: 2 } : set;
    const rivals = sets.filter((other) => set.kind === 'video' && looks(other) === looks(set));
    if (rivals.length < 2) return set;
    const largest = Math.max(...rivals.map((rival) => rival.tracks.length));
    const switchableTo = rivals.filter((rival) => rival !== set).map((rival) => sets.indexOf(rival));
    return { ...set, switchableTo, ...(set.tracks.length === largest && { selectionPriority: 2 }) };
  });
}

/**
 * One set for each codec, language, label, channel layout, luminance range and segmentation: a source track that was
 * remuxed is cut elsewhere than the encoded ones, so it cannot stand in their set.
 */
export function adaptationSets(tracks: readonly Track[]): AdaptationSet[] {
  const audios = tracks.filter((track) => track.kind === 'audio');
  const audioKey = audioKeys(audios, audios.length > 0 && !tracks.some((track) => track.kind === 'video'));
  const groups = Map.groupBy(tracks, (track) => {
    const particular =
      track.kind === 'video'
        ? (track.video?.videoRange ?? 'SDR')
        : track.kind === 'audio'
          ? audioKey.get(track)
          : track.name;
    return `${track.kind}\n${track.codec.split('.')[0]}\n${particular}\n${alignmentKey(track)}`;
  });
  const order = { video: 0, audio: 1, text: 2 };
  const sets = [...groups.values()].flatMap((members): AdaptationSet[] => {
    const [first, ...rest] = members;
    if (first === undefined) return [];
    const spoken = first.audio ?? first.text;
    const language = spoken === undefined ? undefined : languageTag(spoken.language);
    return [{ kind: first.kind, tracks: [first, ...rest], language, switchableTo: [] }];
  });
  return withRivals(sets.sort((a, b) => order[a.kind] - order[b.kind]));
}
