import type { AudioRung, DownloadRendition, MediaPlan } from '@kerkis/media';
import type { DownloadSource, SideWorkOf } from './side-work.ts';
import { audioTrackName, videoTrackName } from './tracks.ts';

type Download = SideWorkOf<'download'>;

/** The files to download that a plan has, each name once. Those for which it has no tracks are left out. */
export function planDownloads(plan: MediaPlan, wanted: readonly DownloadRendition[]): Download[] {
  const files = new Map<string, Download>();
  for (const rendition of wanted) {
    const file = download(plan, rendition);
    if (file && !files.has(file.name)) files.set(file.name, file);
  }
  return [...files.values()];
}

function download(plan: MediaPlan, wanted: DownloadRendition): Download | undefined {
  switch (wanted.format) {
    case 'mp4':
      return mp4(plan, wanted.height);
    case 'm4a': {
      const sound = usualSound(plan.ladder.audio.filter(({ codec }) => codec === 'aac'));
      return sound && fromTracks('audio.m4a', { format: 'm4a', audio: audioTrackName(sound) });
    }
    case 'mp3':
      return mp3(plan, wanted.bitrateBps);
  }
}

/** Pictures as H.264, which everything plays, where there are such, and with AAC if there is. */
function mp4({ ladder }: MediaPlan, height: number | undefined): Download | undefined {
  const h264 = ladder.video.filter(({ codec }) => codec === 'h264');
  const rungs = [...(ladder.remux ? [ladder.remux] : []), ...h264];
  const highest = (rungs.length > 0 ? rungs : [...ladder.video]).toSorted(
    (a, b) => shortSide(b) - shortSide(a),
  );
  const rung =
    highest.find((each) => shortSide(each) <= (height ?? Number.POSITIVE_INFINITY)) ?? highest.at(-1);
  if (!rung) return undefined;
  const aac = ladder.audio.filter(({ codec }) => codec === 'aac');
  const sound = usualSound(aac.length > 0 ? aac : ladder.audio);
  return fromTracks(`${shortSide(rung)}p.mp4`, {
    format: 'mp4',
    video: videoTrackName(rung),
    ...(sound && { audio: audioTrackName(sound) }),
  });
}

function mp3({ source, ladder }: MediaPlan, bitrateBps: number): Download | undefined {
  const stream = source.audios.find(({ isDefault }) => isDefault) ?? source.audios[0];
  if (!stream) return undefined;
  const rungs = ladder.audio.filter(({ sourceIndex }) => sourceIndex === stream.index);
  const gainDb = usualSound(rungs)?.gainDb ?? 0;
  const from = { format: 'mp3', streamIndex: stream.index, bitrateBps, gainDb } as const;
  return { kind: 'download', name: 'audio.mp3', needs: [], from };
}

const shortSide = ({ width, height }: { readonly width: number; readonly height: number }) =>
  Math.min(width, height);

/** What a viewer without wishes hears: of the default language, stereo before surround, the best of these. */
function usualSound(rungs: readonly AudioRung[]): AudioRung | undefined {
  const rank = ({ isDefault, channels, bitrateBps }: AudioRung) =>
    Number(isDefault) * 1e10 + Number(channels <= 2) * 1e9 + bitrateBps;
  return rungs.toSorted((a, b) => rank(b) - rank(a))[0];
}

function fromTracks(name: string, from: Extract<DownloadSource, { format: 'mp4' | 'm4a' }>): Download {
  const needs = [from.video, from.audio].filter((track) => track !== undefined);
  return { kind: 'download', name, needs, from };
}
