import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ResolvePlaybackResponseSchema } from '@kerkis/contracts/delivery';
import { edgePath } from '../domain/edge-path.ts';
import type { Playback } from '../domain/playback.ts';
import type { Lookup } from '../store/lookup.ts';

/** What ResolvePlayback needs. */
export interface ResolvePlaybackDependencies {
  readonly playbacks: Lookup<Playback>;
  /** Where clients reach this mesh. Absent: where the caller did. */
  readonly publicUrl: string | undefined;
}

/** The URLs of a playback ID, whether or not it plays yet: they never change. */
export async function resolvePlayback(
  { playbacks, publicUrl }: ResolvePlaybackDependencies,
  playbackId: string,
  requestUrl: string,
): Promise<MessageInitShape<typeof ResolvePlaybackResponseSchema>> {
  const { policy, state, durationMs, generation } = await playbacks.get(playbackId);
  const base = publicUrl?.replace(/\/+$/, '') ?? new URL(requestUrl).origin;
  const urlOf = (kind: 'master' | 'mpd' | 'player' | 'poster') => base + edgePath({ kind, playbackId });
  return {
    hlsUrl: urlOf('master'),
    dashUrl: urlOf('mpd'),
    playerUrl: urlOf('player'),
    posterUrl: generation?.hasPoster ? urlOf('poster') : '',
    policy,
    state,
    durationMs: BigInt(generation?.durationMs ?? durationMs),
  };
}
