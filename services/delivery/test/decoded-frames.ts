import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** How many frames ffprobe decodes of each stream of a kind, and what it complains about. */
export async function decodedFrames(url: string, selector: 'v' | 'a') {
  const wanted = ['-count_frames', '-select_streams', selector, '-show_entries', 'stream=nb_read_frames'];
  const args = ['-v', 'error', ...wanted, '-of', 'csv=p=0', url];
  const { stdout, stderr } = await promisify(execFile)('ffprobe', args);
  const frames = stdout.split('\n').filter((line) => /\d/.test(line));
  return { frames: [...new Set(frames.map((line) => Number.parseInt(line, 10)))], complaints: stderr };
}
