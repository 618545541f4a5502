import { type Asset, AssetState } from '@kerkis/contracts/catalog';
import type { Job } from '@kerkis/contracts/transcode';
import { jobLine, trackLines } from '../output/jobs.ts';
import { printEvent } from '../output/json.ts';
import { createLiveLines } from '../output/live-lines.ts';
import { formatBar, formatBytes } from '../output/text.ts';
import { playbackUrls } from '../playback.ts';
import type { Terminal } from '../terminal.ts';

/** Tells how an upload goes. */
export interface UploadReport {
  bytes(sentBytes: number, totalBytes: number): void;
  state(asset: Asset): void;
  tracks(job: Job): void;
  done(asset: Asset, server: string): void;
  /** What failed is told elsewhere: nothing half-drawn is left behind. */
  end(): void;
}

const jsonIntervalMs = 500;
const lineIntervalMs = 5_000;

/** One JSON object a line on stdout. */
export function jsonReport(terminal: Terminal): UploadReport {
  const isDue = pacer(jsonIntervalMs);
  let state: string | undefined;
  let progress = '';
  return {
    bytes(bytes, totalBytes) {
      if (isDue() || bytes === totalBytes) printEvent(terminal, 'upload', { bytes, totalBytes });
    },
    state(asset) {
      if (state === AssetState[asset.state]) return;
      state = AssetState[asset.state];
      printEvent(terminal, 'state', { state, assetId: asset.id });
    },
    tracks(job) {
      const tracks = job.tracks.map(({ track, segmentCount, finishedSegmentCount, speed }) => ({
        track,
        segmentCount,
        finishedSegmentCount,
        speed,
      }));
      const told = JSON.stringify(tracks.map(({ speed: _, ...rest }) => rest));
      if (tracks.length === 0 || told === progress) return;
      progress = told;
      printEvent(terminal, 'progress', { jobId: job.id, progress: job.progress, tracks });
    },
    done(asset, server) {
      const playbackId = asset.playbackIds[0]?.id ?? '';
      printEvent(terminal, 'done', {
        assetId: asset.id,
        playbackId,
        state: AssetState[asset.state],
        playbackUrl: playbackUrls(server, playbackId).hls,
      });
    },
    end: () => {},
  };
}

/** Bars on a terminal, else a line now and then; both on stderr. The result goes to stdout. */
export function humanReport({ stdout, stderr }: Terminal, fileName: string): UploadReport {
  const live = createLiveLines(stderr);
  const isDue = pacer(lineIntervalMs);
  const startedAt = performance.now();
  let state: AssetState | undefined;
  let tenths = -1;
  const show = (share: number, lines: readonly string[]) => {
    if (stderr.isTTY) return live.draw(lines);
    const isStep = Math.floor(share * 10) !== tenths;
    if (!isStep && !isDue()) return;
    tenths = Math.floor(share * 10);
    stderr.write(`${lines.join('\n')}\n`);
  };
  return {
    bytes(sentBytes, totalBytes) {
      const seconds = (performance.now() - startedAt) / 1000;
      const rate = seconds > 0.5 ? `  ${formatBytes(sentBytes / seconds)}/s` : '';
      const share = sentBytes / totalBytes;
      const amount = `${formatBytes(sentBytes)} of ${formatBytes(totalBytes)}`;
      show(share, [`uploading ${fileName}  ${formatBar(share)}  ${amount}${rate}`]);
    },
    state(asset) {
      if (state === asset.state) return;
      state = asset.state;
      live.clear();
      tenths = -1;
      stderr.write(`${asset.id} is ${AssetState[asset.state]}\n`);
    },
    tracks(job) {
      if (job.tracks.length > 0) show(job.progress, [jobLine(job), ...trackLines(job)]);
    },
    done(asset, server) {
      live.clear();
      const urls = playbackUrls(server, asset.playbackIds[0]?.id ?? '');
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      stdout.write(`${AssetState[asset.state]} after ${seconds} s
  asset   ${asset.id}
  player  ${urls.player}
  HLS     ${urls.hls}
  DASH    ${urls.dash}
`);
    },
    end: () => live.clear(),
  };
}

/** Says yes at once and then at most once an interval. */
function pacer(intervalMs: number): () => boolean {
  let dueAt = 0;
  return () => {
    if (performance.now() < dueAt) return false;
    dueAt = performance.now() + intervalMs;
    return true;
  };
}
