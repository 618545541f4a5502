import { create } from '@bufbuild/protobuf';
import {
  AssetState,
  Encryption,
  GenerationState,
  LookUpPlaybackIdResponseSchema,
} from '@kerkis/contracts/catalog';
import { TrackKind } from '@kerkis/contracts/media';
import { expect, test } from 'vitest';
import { toPlayback } from '../domain/playback.ts';
import { resolvePlayback } from './resolve-playback.ts';

const playbackId = 'pbk_1';
const base = 'https://edge.test';

function resolve(generation: object, publicUrl?: string, encryption = Encryption.NONE) {
  const answer = create(LookUpPlaybackIdResponseSchema, {
    playbackId: { id: playbackId, encryption },
    asset: { id: 'ast_1', state: AssetState.READY, durationMs: 4_000n },
    generation: {
      ...{ id: 'gen_1', assetId: 'ast_1', state: GenerationState.COMPLETE },
      grid: { durationMs: 4_000n },
      ...generation,
    },
  });
  const playbacks = { get: async () => toPlayback(answer) };
  return resolvePlayback({ playbacks, publicUrl } as never, playbackId, `${base}/some/rpc`);
}

test('everything that lies beside the tracks has its URL', async () => {
  const text = { language: 'de', label: 'Deutsch', isDefault: true, isForced: false };
  const found = await resolve({
    artefacts: {
      ...{ poster: true, waveform: true },
      storyboard: {
        ...{ intervalMs: 1_000n, tileCount: 4, tileWidth: 160, tileHeight: 90 },
        ...{ columns: 2, rows: 2 },
      },
      downloads: [{ name: '720p.mp4', contentType: 'video/mp4', sizeBytes: 9n }],
    },
    tracks: [{ name: 'text/de', kind: TrackKind.TEXT, codec: 'wvtt', timescale: 1000, text }],
  });
  const at = `${base}/v/${playbackId}`;
  expect(found).toMatchObject({
    hlsUrl: `${at}/master.m3u8`,
    dashUrl: `${at}/manifest.mpd`,
    playerUrl: `${base}/play/${playbackId}`,
    posterUrl: `${at}/poster.jpg`,
    thumbnailUrl: `${at}/thumbnail.jpg`,
    storyboardUrl: `${at}/storyboard.vtt`,
    waveformUrl: `${at}/waveform.json`,
    textTracks: [{ ...text, url: `${at}/text/de.vtt` }],
    downloads: [
      { name: '720p.mp4', contentType: 'video/mp4', sizeBytes: 9n, url: `${at}/download/720p.mp4` },
    ],
    durationMs: 4_000n,
  });
});

test('what is not there has none, and all are below the public address', async () => {
  const found = await resolve({}, 'https://media.test/');
  expect(found).toMatchObject({
    hlsUrl: `https://media.test/v/${playbackId}/master.m3u8`,
    ...{ posterUrl: '', thumbnailUrl: '', storyboardUrl: '', waveformUrl: '' },
    ...{ textTracks: [], downloads: [] },
  });
  const planned = await resolve({ state: GenerationState.REQUESTED });
  expect(planned).toMatchObject({ durationMs: 4_000n });
  expect(planned.posterUrl).toBeUndefined();
});

test('what is encrypted has no downloads, and by AES-128 no DASH', async () => {
  const artefacts = { downloads: [{ name: '720p.mp4', contentType: 'video/mp4', sizeBytes: 9n }] };
  const whole = await resolve({ artefacts }, undefined, Encryption.AES_128);
  expect(whole).toMatchObject({ dashUrl: '', downloads: [] });
  const samples = await resolve({ artefacts }, undefined, Encryption.CBCS);
  expect(samples).toMatchObject({ dashUrl: `${base}/v/${playbackId}/manifest.mpd`, downloads: [] });
});
