import { attributeList, displayName, languageTag, quoted, uri } from './attributes.ts';
import type { PlaylistOptions, Track } from './presentation.ts';

/** The renditions of one EXT-X-MEDIA group. */
export interface RenditionGroup {
  /** GROUP-ID. */
  readonly id: string;
  /** In the order of the presentation. */
  readonly tracks: readonly Track[];
}

interface Described {
  readonly track: Track;
  readonly language: string | undefined;
  readonly name: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
}

/** Whether all tracks are the same thing to hear, so that they differ in quality only. */
export function isLadder(tracks: readonly Track[]): boolean {
  const said = tracks.map(({ audio }) => `${languageTag(audio?.language ?? '')}\n${audio?.label}`);
  const groups = tracks.flatMap(({ audio }) => audio?.group ?? []);
  const apart = groups.length === 0 || new Set(groups).size === tracks.length;
  return new Set(said).size <= 1 && apart;
}

/** Audio tracks by their group; without one, by codec and channel count. Groups keep the order of their first track. */
export function audioGroups(tracks: readonly Track[]): RenditionGroup[] {
  const groups = Map.groupBy(tracks, (track) => {
    return track.audio?.group ?? `audio-${codecName(track)}-${track.audio?.channels}ch`;
  });
  return complete([...groups].map(([id, members]) => ({ id, tracks: members })));
}

/**
 * Each group has the same members, as RFC 8216bis 4.4.6.1.1 demands: what one lacks (a language that is there in stereo only) it
 * borrows from another, of its own codec if there is one.
 */
function complete(groups: readonly RenditionGroup[]): RenditionGroup[] {
  const keyed = groups.map(({ id, tracks }) => ({ id, members: byMeaning(tracks) }));
  const keys = new Set(keyed.flatMap(({ members }) => [...members.keys()]));
  return keyed.map(({ id, members }) => {
    const [own] = members.values();
    return {
      id,
      tracks: [...keys].flatMap((key) => {
        const others = keyed.flatMap((group) => group.members.get(key) ?? []);
        const alike = others.find((other) => codecName(other) === (own && codecName(own)));
        return members.get(key) ?? alike ?? others[0] ?? [];
      }),
    };
  });
}

/** The tracks of a group by what is to be heard; those that say the same are counted. */
function byMeaning(tracks: readonly Track[]): Map<string, Track> {
  const members = new Map<string, Track>();
  for (const track of tracks) {
    const said = `${languageTag(track.audio?.language ?? '')}\n${track.audio?.label}`;
    let ordinal = 1;
    while (members.has(`${said}\n${ordinal}`)) ordinal++;
    members.set(`${said}\n${ordinal}`, track);
  }
  return members;
}

function codecName({ codec }: Track): string {
  return codec.split('.')[0] ?? codec;
}

/**
 * Names are made unique and only one rendition is the default; at most one AUTOSELECT rendition remains for a
 * language, as RFC 8216bis 4.4.6.1 demands.
 */
function describe(group: RenditionGroup, fallbackName: string): Described[] {
  const names = new Set<string>();
  const attributes = group.tracks.map((track) => track.audio ?? track.text);
  const firstDefault = attributes.findIndex((value) => value?.isDefault);
  return group.tracks.map((track, index) => {
    const { label = '', language = '' } = attributes[index] ?? {};
    const base = displayName(label, language, fallbackName);
    let name = base;
    for (let n = 2; names.has(name); n++) name = `${base} ${n}`;
    names.add(name);
    // A film always sounds; subtitles appear only when somebody said so.
    const defaultIndex = firstDefault < 0 && track.kind === 'audio' ? 0 : firstDefault;
    return {
      track,
      name,
      language: languageTag(language),
      isDefault: index === defaultIndex,
      isForced: track.text?.isForced ?? false,
    };
  });
}

/** The EXT-X-MEDIA lines of one group. */
export function mediaTags(
  type: 'AUDIO' | 'SUBTITLES',
  group: RenditionGroup,
  options: PlaylistOptions,
): string[] {
  const described = describe(group, type === 'AUDIO' ? 'Audio' : 'Subtitles');
  const selectionKey = (entry: Described): string => `${entry.language} ${entry.isForced}`;
  const selectable = new Map<string, Described>();
  for (const entry of described) {
    const key = selectionKey(entry);
    if (entry.isDefault || !selectable.has(key)) selectable.set(key, entry);
  }
  return described.map((entry) => {
    const attributes = attributeList({
      TYPE: type,
      'GROUP-ID': quoted(group.id),
      NAME: quoted(entry.name),
      LANGUAGE: entry.language === undefined ? undefined : quoted(entry.language),
      DEFAULT: entry.isDefault ? 'YES' : 'NO',
      AUTOSELECT: selectable.get(selectionKey(entry)) === entry ? 'YES' : 'NO',
      FORCED: type === 'AUDIO' ? undefined : entry.isForced ? 'YES' : 'NO',
      CHANNELS: entry.track.audio === undefined ? undefined : quoted(String(entry.track.audio.channels)),
      'STABLE-RENDITION-ID': quoted(entry.track.name),
      URI: quoted(uri(`${entry.track.name}/media.m3u8`, options.query)),
    });
    return `#EXT-X-MEDIA:${attributes}`;
  });
}
