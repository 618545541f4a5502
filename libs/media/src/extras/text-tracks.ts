import type { SourceInfo } from '../probe/source-info.ts';

/** A text track that a source gets. */
export interface TextTrackPlan {
  /** Unique in the generation, safe in a path: `text/en`, `text/de-forced`, `text/en-2`. */
  readonly name: string;
  /** The source stream that it is made from. */
  readonly sourceIndex: number;
  /** BCP 47; `und` when the source says nothing. */
  readonly language: string;
  /** What the source calls it, may be empty. */
  readonly label: string;
  /** Whether a player shows it when the viewer has no preference: one track at most. */
  readonly isDefault: boolean;
  /** Whether it only translates what is foreign in the picture. */
  readonly isForced: boolean;
}

/** Text tracks of a source. */
export interface TextTracks {
  readonly tracks: readonly TextTrackPlan[];
  /** What is left out, for a person. */
  readonly warnings: readonly string[];
}

/** More languages than this is no film; each is an output of one run. */
const maxTracks = 32;

/** The text tracks that a source's subtitles become. Subtitles that are pictures become none. */
export function textTracks(source: SourceInfo): TextTracks {
  const texts = source.subtitles.filter(({ isText }) => isText);
  const used = texts.slice(0, maxTracks);
  const defaultIndex = used.find(({ isDefault }) => isDefault)?.index;
  const taken = new Set<string>();
  const tracks = used.map((stream) => {
    const language = canonicalLanguage(stream.language);
    const base = `text/${language}${stream.isForced ? '-forced' : ''}`;
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
    taken.add(name);
    return {
      name,
      sourceIndex: stream.index,
      language,
      label: stream.title ?? '',
      isDefault: stream.index === defaultIndex,
      isForced: stream.isForced,
    };
  });
  const warnings = [
    ...(texts.length < source.subtitles.length
      ? ['Subtitles that are pictures cannot become text tracks; they are left out.']
      : []),
    ...(texts.length > maxTracks ? [`Only ${maxTracks} text tracks are made; the others are left out.`] : []),
  ];
  return { tracks, warnings };
}

/** The shortest tag of a language, as BCP 47 wants it: `eng` and `en` are `en`, `ger` and `deu` are `de`. */
function canonicalLanguage(language = 'und'): string {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? 'und';
  } catch {
    return 'und';
  }
}
