import { type AdaptationSet, adaptationSets, languageTag } from './adaptation-sets.ts';
import { type ManifestOptions, type Presentation, playableTracks, type Track } from './presentation.ts';
import { contentProtection } from './protection.ts';
import { thumbnailSet } from './thumbnails.ts';
import { greatestDivisor, longestSegmentMs, segmentTemplate, textFile } from './timeline.ts';
import { element, plainText, type XmlElement, xml } from './xml.ts';

const profiles = 'urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019';
const roleScheme = 'urn:mpeg:dash:role:2011';

/** Milliseconds as an xs:duration. */
function isoDuration(ms: number): string {
  const whole = Math.round(ms);
  return `PT${Math.floor(whole / 1000)}.${String(whole % 1000).padStart(3, '0')}S`;
}

function wholeBps(bps: number): number {
  return Number.isFinite(bps) ? Math.max(1, Math.ceil(bps)) : 1;
}

function frameRate(rate: NonNullable<Track['video']>['frameRate']): string {
  return rate.num % rate.den === 0 ? String(rate.num / rate.den) : `${rate.num}/${rate.den}`;
}

/**
 * Up to six channels the older scheme, which every player reads and where the value is the count; above, the
 * layouts of ISO/IEC 23091-3 (6.1 is 11, 7.1 is 12). Nothing for what neither has.
 */
function channelConfiguration(channels: number): XmlElement[] {
  if (channels <= 6) {
    const schemeIdUri = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011';
    return [element('AudioChannelConfiguration', { schemeIdUri, value: channels })];
  }
  const value = { 7: 11, 8: 12 }[channels];
  if (value === undefined) return [];
  return [
    element('AudioChannelConfiguration', { schemeIdUri: 'urn:mpeg:mpegB:cicp:ChannelConfiguration', value }),
  ];
}

/** BT.2020 primaries (9), PQ (16) or HLG (18), non-constant luminance (9): code points of ISO/IEC 23091-2. */
function colour(track: Track): XmlElement[] {
  const range = track.video?.videoRange ?? 'SDR';
  if (range === 'SDR') return [];
  // An HLG picture is watchable on a screen that knows nothing of it, a PQ one is not.
  const tag = range === 'PQ' ? 'EssentialProperty' : 'SupplementalProperty';
  const cicp = (name: string, value: number) =>
    element(tag, { schemeIdUri: `urn:mpeg:mpegB:cicp:${name}`, value });
  return [
    cicp('ColourPrimaries', 9),
    cicp('TransferCharacteristics', range === 'PQ' ? 16 : 18),
    cicp('MatrixCoefficients', 9),
  ];
}

/** Whether the set is the main sound or the same thing to hear in another codec or layout. */
function isMain(set: AdaptationSet, main: Track): boolean {
  const [first] = set.tracks;
  if (set.tracks.includes(main)) return true;
  const saysTheSame =
    languageTag(first.audio?.language ?? '') === languageTag(main.audio?.language ?? '') &&
    first.audio?.label === main.audio?.label;
  const isTwin =
    first.audio?.group === main.audio?.group &&
    first.codec === main.codec &&
    first.audio?.channels === main.audio?.channels;
  return saysTheSame && !isTwin;
}

function roles(set: AdaptationSet, mainAudio: Track | undefined): XmlElement[] {
  const [first] = set.tracks;
  const role = (value: string) => element('Role', { schemeIdUri: roleScheme, value });
  if (first.text !== undefined && set.kind === 'text') {
    const kind = role(first.text.isForced ? 'forced-subtitle' : 'subtitle');
    return first.text.isDefault ? [role('main'), kind] : [kind];
  }
  if (set.kind === 'audio')
    return [role(mainAudio !== undefined && isMain(set, mainAudio) ? 'main' : 'alternate')];
  return [role('main')];
}

/** The largest of all pictures of a set, as DASH-IF IOP wants it told before anything is chosen. */
function largestPicture({ tracks }: AdaptationSet): XmlElement['attributes'] {
  const videos = tracks.flatMap(({ video }) => video ?? []);
  const [first] = videos.toSorted((a, b) => b.width * b.height - a.width * a.height);
  if (first === undefined) return {};
  const rate = ({ num, den }: NonNullable<Track['video']>['frameRate']) => num / den;
  const fastest = videos.reduce((a, b) => (rate(b.frameRate) > rate(a.frameRate) ? b : a));
  const divisor = greatestDivisor(first.width, first.height);
  return {
    par: `${first.width / divisor}:${first.height / divisor}`,
    maxWidth: Math.max(...videos.map(({ width }) => width)),
    maxHeight: Math.max(...videos.map(({ height }) => height)),
    maxFrameRate: frameRate(fastest.frameRate),
  };
}

/** Sets that a player may switch to. Their segments are not aligned, which DASH-IF IOP wants told of all of them. */
function switching(set: AdaptationSet): XmlElement[] {
  if (set.switchableTo.length === 0) return [];
  const schemeIdUri = 'urn:mpeg:dash:adaptation-set-switching:2016';
  return [element('SupplementalProperty', { schemeIdUri, value: set.switchableTo.map(setId).join(',') })];
}

/** The id of the set at that index. */
function setId(index: number): number {
  return index + 1;
}

function representation(track: Track, id: string, options: ManifestOptions): XmlElement {
  const bandwidth = wholeBps(Math.max(track.peakBandwidthBps, track.averageBandwidthBps));
  if (track.kind === 'text') {
    return element('Representation', { id, bandwidth }, [textFile(track, options.query)]);
  }
  return element(
    'Representation',
    {
      id,
      codecs: track.codec,
      bandwidth,
      width: track.video?.width,
      height: track.video?.height,
      frameRate: track.video && frameRate(track.video.frameRate),
      sar: track.video === undefined ? undefined : '1:1',
      audioSamplingRate: track.audio?.sampleRate,
    },
    [
      ...(track.audio === undefined ? [] : channelConfiguration(track.audio.channels)),
      segmentTemplate(track, options.query),
    ],
  );
}

/** An id without slashes for each track: the name with `-` for `/`, numbered where that is taken. */
function representationIds(tracks: readonly Track[]): Map<Track, string> {
  const ids = new Map<Track, string>();
  const taken = new Set<string>();
  for (const track of tracks) {
    const base = track.name.replaceAll('/', '-');
    let id = base;
    for (let n = 2; taken.has(id); n++) id = `${base}.${n}`;
    taken.add(id);
    ids.set(track, id);
  }
  return ids;
}

/**
 * The static MPD (ISO/IEC 23009-1, live profile as DASH-IF IOP and CMAF use it), to be served beside the track
 * folders: media URLs are `<name>/init.mp4` and `<name>/<n>.m4s`, of text `<name>.vtt`. Throws RangeError when there is nothing to play or a
 * track cannot be written.
 */
export function manifest(presentation: Presentation, options: ManifestOptions = {}): string {
  if (!Number.isFinite(presentation.durationMs) || presentation.durationMs <= 0) {
    throw new RangeError(`durationMs must be above 0, not ${presentation.durationMs}.`);
  }
  const tracks = playableTracks(presentation);
  if (!tracks.some((track) => track.kind !== 'text')) {
    throw new RangeError('A presentation needs a video or audio track with at least one segment.');
  }
  const ids = representationIds(tracks);
  const audios = tracks.filter((track) => track.kind === 'audio');
  const mainAudio = audios.find((track) => track.audio?.isDefault) ?? audios[0];
  const longestMs = Math.max(...tracks.filter(({ kind }) => kind !== 'text').map(longestSegmentMs));

  const sets = adaptationSets(tracks).map((set, index) => {
    const [first] = set.tracks;
    const label = plainText((first.audio ?? first.text)?.label ?? '');
    const isText = set.kind === 'text';
    const attributes = {
      id: setId(index),
      contentType: set.kind,
      mimeType: isText ? 'text/vtt' : `${set.kind}/mp4`,
      lang: set.language,
      ...largestPicture(set),
      segmentAlignment: isText ? undefined : set.switchableTo.length === 0,
      startWithSAP: isText ? undefined : 1,
      selectionPriority: set.selectionPriority,
    };
    return element('AdaptationSet', attributes, [
      ...(set.kind === 'text' ? [] : contentProtection(options.protectionOf?.(set.kind))),
      ...colour(first),
      ...switching(set),
      ...(label === '' ? [] : [element('Label', {}, label)]),
      ...roles(set, mainAudio),
      ...set.tracks.map((track) => representation(track, ids.get(track) ?? track.name, options)),
    ]);
  });

  const { thumbnails } = presentation;
  if (thumbnails !== undefined) sets.push(thumbnailSet(setId(sets.length), thumbnails, options.query));

  const attributes = {
    xmlns: 'urn:mpeg:dash:schema:mpd:2011',
    'xmlns:cenc': options.protectionOf && 'urn:mpeg:cenc:2013',
    'xmlns:dashif': options.protectionOf && 'https://dashif.org/CPS',
    profiles,
    type: 'static',
    mediaPresentationDuration: isoDuration(presentation.durationMs),
    minBufferTime: isoDuration(longestMs),
    maxSegmentDuration: isoDuration(longestMs),
  };
  return xml(element('MPD', attributes, [element('Period', { id: '0', start: 'PT0S' }, sets)]));
}
