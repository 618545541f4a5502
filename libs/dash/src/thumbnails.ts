import { type Thumbnails, validateThumbnails } from './presentation.ts';
import { querySuffix } from './timeline.ts';
import { element, type XmlElement } from './xml.ts';

/** What a JPEG of our sprites takes at the very most, bits per pixel. */
const bitsPerPixel = 2;

/**
 * The adaptation set of small pictures (DASH-IF IOP 5, 6.2.6 and ISO/IEC 23009-1, 5.3.7): one sprite is a segment, and
 * its tiles share its time evenly.
 */
export function thumbnailSet(id: number, thumbnails: Thumbnails, query: string | undefined): XmlElement {
  validateThumbnails(thumbnails);
  const { media, intervalMs, tileWidth, tileHeight, columns, rows } = thumbnails;
  const [width, height, durationMs] = [columns * tileWidth, rows * tileHeight, columns * rows * intervalMs];
  const tile = { schemeIdUri: 'http://dashif.org/guidelines/thumbnail_tile', value: `${columns}x${rows}` };
  const template = {
    timescale: 1000,
    duration: durationMs,
    startNumber: 1,
    media: `${media}${querySuffix(query)}`,
  };
  const bandwidth = Math.max(1, Math.ceil((width * height * bitsPerPixel * 1000) / durationMs));
  return element('AdaptationSet', { id, contentType: 'image', mimeType: 'image/jpeg' }, [
    element('SegmentTemplate', template),
    element('Representation', { id: 'thumbnails', bandwidth, width, height }, [
      element('EssentialProperty', tile),
    ]),
  ]);
}
