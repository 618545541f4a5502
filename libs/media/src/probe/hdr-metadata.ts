import { parseRational, toNumber } from '../rational.ts';
import type { ContentLight, HdrMetadata, MasteringDisplay } from './source-info.ts';

/** Side data of a stream or frame in ffprobe's JSON: fractions as text, whole numbers as such. */
export type RawSideData = Readonly<Record<string, string | number | undefined>>;

/** Keys of side data that tell about HDR, as ffprobe's `-show_entries` takes them. */
export const hdrEntries = [
  ...['red_x', 'red_y', 'green_x', 'green_y', 'blue_x', 'blue_y', 'white_point_x', 'white_point_y'],
  ...['min_luminance', 'max_luminance', 'max_content', 'max_average'],
].join(',');

/** What side data says about HDR; undefined when it says nothing that can be. */
export function hdrMetadata(sideData: readonly RawSideData[] | undefined): HdrMetadata | undefined {
  const displays = (sideData ?? []).flatMap((data) => masteringDisplay(data) ?? []);
  const lights = (sideData ?? []).flatMap((data) => contentLight(data) ?? []);
  const [display, light] = [displays[0], lights[0]];
  if (display === undefined && light === undefined) return undefined;
  return {
    ...(display !== undefined && { masteringDisplay: display }),
    ...(light !== undefined && { contentLight: light }),
  };
}

function masteringDisplay(data: RawSideData): MasteringDisplay | undefined {
  const steps = (key: string, perUnit: number) => {
    const value = parseRational(`${data[key]}`);
    return value === undefined ? Number.NaN : Math.round(toNumber(value) * perUnit);
  };
  const point = (name: string) => [steps(`${name}_x`, 50_000), steps(`${name}_y`, 50_000)] as const;
  const display = {
    red: point('red'),
    green: point('green'),
    blue: point('blue'),
    whitePoint: point('white_point'),
    maxLuminance: steps('max_luminance', 10_000),
    // A display may be black.
    minLuminance: /^0[/]/.test(`${data.min_luminance}`) ? 0 : steps('min_luminance', 10_000),
  };
  const points = [display.red, display.green, display.blue, display.whitePoint].flat();
  const isSane =
    points.every((value) => value > 0 && value <= 50_000) &&
    display.minLuminance >= 0 &&
    display.maxLuminance > display.minLuminance &&
    display.maxLuminance < 2 ** 32;
  return isSane ? display : undefined;
}

function contentLight({ max_content: maxCll, max_average: maxFall }: RawSideData): ContentLight | undefined {
  const isLevel = (value: unknown): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 65_536;
  return isLevel(maxCll) && isLevel(maxFall) && maxCll > 0 ? { maxCll, maxFall } : undefined;
}
