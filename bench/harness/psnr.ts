import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { toolPath } from '@kerkis/tools';

const execute = promisify(execFile);

/** What is compared: an encoded video with its source, scaled to the same size. */
export interface Comparison {
  readonly path: string;
  readonly source: string;
  readonly shortSide: number;
  readonly framesPerSecond: number;
}

/**
 * Mean PSNR of all frames and planes in dB, frame by frame in their order. Throws when ffmpeg cannot read one of them.
 * https://ffmpeg.org/ffmpeg-filters.html#psnr
 */
export async function psnrDb({ path, source, shortSide, framesPerSecond }: Comparison): Promise<number> {
  const numbered = `setpts=N/${framesPerSecond}/TB`;
  const graph = [
    `[0:v:0]settb=AVTB,${numbered},format=yuv420p[made]`,
    `[1:v:0]scale=-2:${shortSide}:flags=bicubic,settb=AVTB,${numbered},format=yuv420p[wanted]`,
    '[made][wanted]psnr=shortest=1',
  ].join(';');
  const args = [
    '-hide_banner',
    '-nostdin',
    '-i',
    path,
    '-i',
    source,
    '-filter_complex',
    graph,
    '-f',
    'null',
    '-',
  ];
  const { stderr } = await execute(toolPath('ffmpeg', process.env), args, {
    maxBuffer: 1 << 26,
    timeout: 3_600_000,
  });
  const [, average] = /PSNR .*average:([\d.]+|inf)/.exec(stderr) ?? [];
  if (average === undefined) throw new Error(`ffmpeg compared nothing: ${stderr.slice(-2000)}`);
  return average === 'inf' ? Number.POSITIVE_INFINITY : Number(average);
}
