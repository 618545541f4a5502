import type { MessageInitShape } from '@bufbuild/protobuf';
import { Encryption } from '@kerkis/contracts/catalog';
import type { ResolvePlaybackResponseSchema } from '@kerkis/contracts/delivery';
import { type EdgePath, edgePath } from '../domain/edge-path.ts';
import type { PlayableGeneration } from '../domain/playable-generation.ts';
import type { Playback } from '../domain/playback.ts';
import type { Lookup } from '../store/lookup.ts';

/** What ResolvePlayback needs. */
export interface ResolvePlaybackDependencies {
  readonly playbacks: Lookup<Playback>;
  /** Where clients reach this mesh. Absent: where the caller did. */
  readonly publicUrl: string | undefined;
}

type Answer = MessageInitShape<typeof ResolvePlaybackResponseSchema>;

/** The URLs of a playback ID, whether or not it plays yet: they never change. Of what lies beside the tracks, those of what is there. */
export async function resolvePlayback(
  { playbacks, publicUrl }: ResolvePlaybackDependencies,
  playbackId: string,
  requestUrl: string,
): Promise<Answer> {
  const { policy, state, durationMs, generation, encryption } = await playbacks.get(playbackId);
  const base = publicUrl?.replace(/\/+$/, '') ?? new URL(requestUrl).origin;
  const urlOf = (to: EdgePath) => base + edgePath(to);
  return {
    hlsUrl: urlOf({ kind: 'master', playbackId }),
    // DASH has no encryption of whole segments.
    dashUrl: encryption === Encryption.AES_128 ? '' : urlOf({ kind: 'mpd', playbackId }),
    playerUrl: urlOf({ kind: 'player', playbackId }),
    policy,
    state,
    durationMs: BigInt(generation?.durationMs ?? durationMs),
    ...(generation && besideTracks(generation, playbackId, urlOf)),
    ...(isEncrypted(encryption) && { downloads: [] }),
  };
}

/** Then nothing is given away in the clear that could be played. */
function isEncrypted(encryption: Encryption): boolean {
  return encryption !== Encryption.NONE && encryption !== Encryption.UNSPECIFIED;
}

function besideTracks(
  { hasPoster, hasWaveform, storyboard, downloads, tracks }: PlayableGeneration,
  playbackId: string,
  urlOf: (to: EdgePath) => string,
): Answer {
  const all = [...tracks.values()].map(({ track }) => track);
  const hasPictures = hasPoster || all.some(({ kind }) => kind === 'video');
  const when = (isThere: boolean, kind: 'poster' | 'thumbnail' | 'storyboard' | 'waveform') =>
    isThere ? urlOf({ kind, playbackId }) : '';
  return {
    posterUrl: when(hasPoster, 'poster'),
    thumbnailUrl: when(hasPictures, 'thumbnail'),
    storyboardUrl: when(storyboard !== undefined, 'storyboard'),
    waveformUrl: when(hasWaveform, 'waveform'),
    textTracks: all.flatMap(({ name, text }) =>
      text ? { ...text, url: urlOf({ kind: 'text', playbackId, track: name }) } : [],
    ),
    downloads: [...downloads.values()].map(({ name, contentType, sizeBytes }) => ({
      ...{ name, contentType, sizeBytes },
      url: urlOf({ kind: 'download', playbackId, name }),
    })),
  };
}
