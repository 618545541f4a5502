import type { ExtrasRequest, Ladder } from '@kerkis/media';
import type { SideWorkOf } from './side-work.ts';
import { videoTrackName } from './tracks.ts';

/** A picture of this short side fills the preview of a player, on a television too. */
const previewHeight = 240;

/**
 * The index of single pictures: of the smallest track that is large enough for a preview, else of the largest, of H.264 where there is
 * such, since everything shows it.
 */
export function planIFrames(
  { video, remux }: Pick<Ladder, 'video' | 'remux'>,
  { iframes }: Pick<ExtrasRequest, 'iframes'>,
): SideWorkOf<'iframes'>[] {
  if (!iframes) return [];
  const h264 = [...(remux ? [remux] : []), ...video.filter(({ codec }) => codec === 'h264')];
  const rising = (h264.length > 0 ? h264 : [...video]).toSorted((a, b) => shortSide(a) - shortSide(b));
  const rung = rising.find((each) => shortSide(each) >= previewHeight) ?? rising.at(-1);
  if (!rung) return [];
  const track = videoTrackName(rung);
  return [{ kind: 'iframes', name: '', needs: [track], track }];
}

const shortSide = ({ width, height }: { readonly width: number; readonly height: number }) =>
  Math.min(width, height);
