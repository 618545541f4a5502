import type { SourceBytes } from '../source/source-bytes.ts';
import { countSoundPackets } from './audio-frames/sound-packets.ts';
import type { ProbeInput } from './ffprobe.ts';
import { sampleSource } from './sampled/sample-source.ts';
import { clocksFromSamples } from './sampled/sampled-clocks.ts';
import type { StreamClock } from './stream-clock.ts';
import type { PickedStreams } from './streams.ts';

/** The clocks of the picked streams; undefined when all packets must be scanned for them. */
export type QuickClocks = (picked: PickedStreams) => Map<number, StreamClock> | undefined;

/** Reads what tells the time of a long file without a scan of all its packets, as far as its container allows it. */
export async function readQuickClocks(input: ProbeInput, file: SourceBytes): Promise<QuickClocks> {
  const [samples, sound] = await Promise.all([sampleSource(input, file), countSoundPackets(input, file)]);
  return (picked) => sound?.(picked) ?? (samples && clocksFromSamples(samples, picked));
}
