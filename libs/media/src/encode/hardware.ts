import { KerkisError } from '@kerkis/errors';
import { type HardwareEncoder, hardwareEncoderOf } from '../plan/hardware.ts';
import type { VideoRung } from '../plan/ladder.ts';
import type { MediaPlan } from '../plan/media-plan.ts';
import type { EncodeUnit } from './unit.ts';
import { unitVideoRungs } from './unit.ts';

/** Encoders in hardware of one machine. Plain data. */
export interface Hardware {
  readonly encoders: readonly HardwareEncoder[];
  /** Device of QSV and VAAPI: `/dev/dri/renderD128`. */
  readonly renderDevice: string;
  /** Device files that ffmpeg must see. */
  readonly devices: readonly string[];
}

/** A machine without any. */
export const noHardware: Hardware = { encoders: [], renderDevice: '/dev/dri/renderD128', devices: [] };

/** The encoders in hardware that a unit needs and this machine does not have: leave such a unit to another worker. */
export function missingHardware(
  plan: MediaPlan,
  unit: EncodeUnit,
  hardware: Hardware = noHardware,
): HardwareEncoder[] {
  return unit.kind === 'video' ? missing(unitVideoRungs(plan, unit), hardware) : [];
}

function missing(rungs: readonly VideoRung[], { encoders }: Hardware): HardwareEncoder[] {
  const needed = rungs.flatMap((rung) => hardwareEncoderOf(rung) ?? []);
  return [...new Set(needed)].filter((encoder) => !encoders.includes(encoder));
}

/** Throws KerkisError `unavailable` ENCODER_UNAVAILABLE when the machine does not have what the rungs are planned with. */
export function requireHardware(rungs: readonly VideoRung[], hardware: Hardware = noHardware): void {
  const [encoder] = missing(rungs, hardware);
  if (encoder === undefined) return;
  throw new KerkisError(
    'unavailable',
    'ENCODER_UNAVAILABLE',
    `This machine has no ${encoder}, with which the track was planned. Another worker must encode it.`,
    { details: { encoder } },
  );
}

/** Options that open the devices of the rungs, before any input. NVENC opens its own; VAAPI takes pictures that were uploaded. */
export function hardwareDeviceArgs(rungs: readonly VideoRung[], hardware: Hardware = noHardware): string[] {
  const families = new Set(rungs.map(({ encoder }) => encoder));
  const { renderDevice } = hardware;
  return [
    ...(families.has('qsv') ? ['-init_hw_device', `qsv=qsv:hw_any,child_device=${renderDevice}`] : []),
    ...(families.has('vaapi')
      ? ['-init_hw_device', `vaapi=vaapi:${renderDevice}`, '-filter_hw_device', 'vaapi']
      : []),
  ];
}

/** Filters that hand the pictures of a rung to its hardware. */
export function toHardware({ encoder, bitDepth }: VideoRung): string[] {
  if (encoder === 'software') return [];
  const format = bitDepth === 10 ? 'format=p010le' : 'format=nv12';
  return encoder === 'vaapi' ? [format, 'hwupload'] : [format];
}
