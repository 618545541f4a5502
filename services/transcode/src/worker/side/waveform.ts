import { makeWaveform } from '@kerkis/media';
import { waveformPath } from '../../domain/segment-keys.ts';
import type { SideRunner } from './run-side.ts';

export const runWaveform: SideRunner<'waveform'> = async ({ plan, options, store }) => {
  const waveform = await makeWaveform(plan.source, {}, options);
  await store(waveformPath, Buffer.from(JSON.stringify(waveform)), { contentType: 'application/json' });
  return { kind: 'waveform' };
};
