import { readdir } from 'node:fs/promises';
import { type HardwareEncoder, hardwareEncoders } from '../plan/hardware.ts';
import type { VideoRung } from '../plan/ladder.ts';
import type { HardwareFamily, VideoCodec } from '../plan/profile.ts';
import { videoCoding } from '../plan/video-coding.ts';
import { defaultProcessLimits } from '../process/confine.ts';
import { startProcess } from '../process/run-process.ts';
import type { MediaTools } from '../process/tools.ts';
import { type Hardware, hardwareDeviceArgs, noHardware, toHardware } from './hardware.ts';
import { hardwareEncoderArgs } from './hardware-args.ts';

/** Where to look. */
export interface FindHardwareOptions {
  /** Device of QSV and VAAPI; the first of `/dev/dri/renderD…` by default. */
  readonly renderDevice?: string;
  /** Device files that there are; what `/dev` has by default. */
  readonly devices?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

const trialFrames = 24;
const trialTimeoutMs = 20_000;

/**
 * Which encoders in hardware really work here: each one whose device there is encodes a second of pictures exactly as rungs
 * are. Takes no time where there is no device, else some seconds; call it at start and pass the result on. Never throws.
 */
export async function findHardware(tools: MediaTools, options: FindHardwareOptions = {}): Promise<Hardware> {
  const devices = options.devices ?? (await deviceFiles());
  const renderDevice = options.renderDevice ?? devices.find((path) => /\/renderD\d+$/.test(path));
  const present: HardwareFamily[] = [
    ...(devices.some((path) => path.startsWith('/dev/nvidia')) ? ['nvenc' as const] : []),
    ...(renderDevice === undefined ? [] : ['qsv' as const, 'vaapi' as const]),
  ];
  const hardware = { ...noHardware, devices, ...(renderDevice !== undefined && { renderDevice }) };
  const encoders: HardwareEncoder[] = [];
  // One after the other: cheap cards encode few streams at a time.
  for (const encoder of hardwareEncoders) {
    if (!present.some((family) => encoder.includes(`_${family}`))) continue;
    if (await works(tools, encoder, hardware, options.signal)) encoders.push(encoder);
  }
  return encoders.length === 0 ? noHardware : { ...hardware, encoders };
}

async function deviceFiles(): Promise<string[]> {
  const list = (folder: string) => readdir(folder).catch((): string[] => []);
  const [all, cards] = await Promise.all([list('/dev'), list('/dev/dri')]);
  return [
    ...all.filter((name) => name.startsWith('nvidia')).map((name) => `/dev/${name}`),
    ...cards.filter((name) => name.startsWith('renderD')).map((name) => `/dev/dri/${name}`),
  ].toSorted();
}

async function works(
  tools: MediaTools,
  encoder: HardwareEncoder,
  hardware: Hardware,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const process = startProcess(tools, [tools.ffmpeg, ...hardwareTrialArgs(encoder, hardware)], {
    limits: { ...defaultProcessLimits, timeoutMs: trialTimeoutMs },
    readable: [],
    devices: hardware.devices,
    signal,
  });
  process.stdout.resume();
  return (await process.ended).exitCode === 0;
}

/** Arguments of the ffmpeg that tries an encoder on some pictures, and throws them away. */
export function hardwareTrialArgs(encoder: HardwareEncoder, hardware: Hardware): string[] {
  const rung = trialRung(encoder);
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', ...hardwareDeviceArgs([rung], hardware)],
    ...['-f', 'lavfi', '-i', `testsrc2=s=${rung.width}x${rung.height}:r=24`, '-frames:v', `${trialFrames}`],
    ...[
      '-vf',
      ['format=yuv420p', ...toHardware(rung)].join(','),
      ...hardwareEncoderArgs(rung, trialFrames / 2),
    ],
    ...['-f', 'null', '-'],
  ];
}

function trialRung(encoder: HardwareEncoder): VideoRung {
  const [codec, family] = encoder.split(/[_:]/) as [VideoCodec, HardwareFamily];
  const bitDepth = encoder.endsWith(':10') ? 10 : 8;
  const size = { width: 640, height: 360, frameRate: { num: 24, den: 1 } };
  const rate = { maxBitrateBps: 1_000_000, bufferBits: 1_000_000 };
  const hdr = bitDepth === 10 ? 'pq' : undefined;
  return {
    name: encoder,
    ...videoCoding(codec, { ...size, ...rate, hdr, isHardware: true }),
    ...{ ...size, ...rate, frameRateDivisor: 1, crf: 28, preset: 'veryfast', encoder: family, bitDepth },
    ...{ videoRange: hdr ? 'PQ' : 'SDR', peakBitrateBps: 1_000_000, averageBitrateBps: 1_000_000 },
  };
}
