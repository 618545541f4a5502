import { readFile } from 'node:fs/promises';
import { AssetState } from '@kerkis/contracts/catalog';
import { makeMedia, waitUntil } from '@kerkis/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decode } from './harness/decode.ts';
import { type EmbeddedMesh, startEmbedded } from './harness/embedded.ts';
import { expectWhole } from './harness/expect-whole.ts';
import { tellOnFailure } from './harness/tell-on-failure.ts';
import { createTus, patchTus } from './harness/tus.ts';

const partBytes = 5 * 1024 * 1024;
const seconds = 48;

let mesh: EmbeddedMesh;
let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  mesh = await startEmbedded({ settings: { KERKIS_UPLOAD_PART_SIZE_BYTES: '5MiB' } });
  const size = ['-b:v', '3M', '-minrate', '3M', '-maxrate', '3M', '-bufsize', '3M'];
  // Padded to its rate, so that few pictures have many bytes.
  const outputOptions = [...size, '-x264-params', 'nal-hrd=cbr', '-movflags', '+faststart'];
  const video = { width: 256, height: 144, fps: '10' };
  bytes = new Uint8Array(await readFile(await makeMedia('e2e-arriving', { seconds, video, outputOptions })));
});
afterAll(() => mesh?.[Symbol.asyncDispose]());
tellOnFailure(() => mesh);

/** An upload of which all but the last bytes are there. */
async function begun() {
  const { location } = await createTus(mesh.url, bytes.length, { filename: 'film.mp4' });
  const uploadId = location.split('/').at(-1) ?? '';
  const { upload } = await mesh.clients.uploads.getUpload({ uploadId });
  const assetId = upload?.assetId ?? '';
  const sentBytes = Math.floor((bytes.length * 0.95) / partBytes) * partBytes;
  expect((await patchTus(location, 0, bytes.subarray(0, sentBytes))).status).toBe(204);
  const media = async () =>
    (await mesh.objectKeys()).filter((key) => key.startsWith(`media/${assetId}/`) && key.endsWith('.m4s'));
  await waitUntil(async () => (await media()).length > 10, { what: 'early segments', timeoutMs: 90_000 });
  return { location, uploadId, assetId, sentBytes, media };
}

test('most of a film is encoded when the last of it arrives, and nobody sees it before', async () => {
  const { location, assetId, sentBytes, media } = await begun();
  const asset = await mesh.clients.asset(assetId);
  expect([asset.state, asset.activeGenerationId]).toEqual([AssetState.CREATED, '']);
  expect((await mesh.clients.jobs.listJobs({ assetId })).jobs).toEqual([]);
  expect((await patchTus(location, sentBytes, bytes.subarray(sentBytes))).status).toBe(204);
  const isReady = async () => (await mesh.clients.asset(assetId)).state === AssetState.READY;
  await waitUntil(isReady, { what: 'the asset to be ready', timeoutMs: 90_000 });
  const generation = await mesh.clients.generation(assetId);
  const [playback] = asset.playbackIds;
  expectWhole(generation, await decode(`${mesh.url}/v/${playback?.id}/master.m3u8`));
  const onlyIts = async () => (await media()).every((key) => key.includes(`/${generation.id}/`));
  await waitUntil(onlyIts, { what: 'early segments to be gone', timeoutMs: 30_000 });
  const response = await fetch(`${mesh.url}/metrics`);
  expect(
    Number(/^kerkis_early_chunks_taken_total\S* (\d+)/m.exec(await response.text())?.[1]),
  ).toBeGreaterThan(2);
});

test('an upload that is cancelled leaves nothing of it', async () => {
  const { uploadId, assetId } = await begun();
  await mesh.clients.uploads.cancelUpload({ uploadId });
  const left = async () => (await mesh.objectKeys()).filter((key) => key.includes(assetId));
  await waitUntil(async () => (await left()).length === 0, { what: 'nothing to be left', timeoutMs: 60_000 });
});
