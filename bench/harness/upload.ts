import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { type Asset, AssetState } from '@kerkis/contracts/catalog';
import { waitUntil } from '@kerkis/testing';
import type { MeshClients } from '../../e2e/harness/clients.ts';
import { createTus } from '../../e2e/harness/tus.ts';
import type { ProfileName } from './ladder.ts';

/** Where a mesh is reached. */
export interface MeshAddress {
  readonly url: string;
  readonly clients: MeshClients;
}

/** An upload that has ended. */
export interface Uploaded {
  readonly assetId: string;
  readonly playbackId: string;
  /** Address of its multivariant playlist. */
  readonly master: string;
  /** Clock of `performance.now` when the last byte was acknowledged. */
  readonly endedAt: number;
}

/** How a file is sent. */
export interface UploadOptions {
  readonly profile: ProfileName;
  readonly title?: string;
  /** Adds an empty box with a random name tag to an MP4, so that no two uploads are the same source. Default true. */
  readonly isUnique?: boolean;
}

const requestTimeoutMs = 600_000;

/** Sends a file by tus in one request. Throws what the server answered when it refuses. */
export async function uploadSource(
  mesh: MeshAddress,
  path: string,
  options: UploadOptions,
): Promise<Uploaded> {
  const { profile, title = 'bench', isUnique = true } = options;
  const tag = isUnique ? freeBox() : Buffer.alloc(0);
  const sizeBytes = (await stat(path)).size + tag.length;
  const created = await createTus(mesh.url, sizeBytes, { filename: 'source.mp4', title, profile });
  if (created.status !== 201)
    throw new Error(`The upload was refused: ${created.status} ${created.error.reason}`);
  const uploadId = created.location.split('/').at(-1) ?? '';
  const { upload } = await mesh.clients.uploads.getUpload({ uploadId });
  const assetId = upload?.assetId ?? '';
  const playbackId = (await mesh.clients.asset(assetId)).playbackIds[0]?.id ?? '';
  await patch(created.location, path, tag, sizeBytes);
  return {
    assetId,
    playbackId,
    master: `${mesh.url}/v/${playbackId}/master.m3u8`,
    endedAt: performance.now(),
  };
}

async function patch(location: string, path: string, tag: Buffer, sizeBytes: number): Promise<void> {
  const headers = {
    ...{ 'tus-resumable': '1.0.0', 'upload-offset': '0', 'content-length': sizeBytes },
    'content-type': 'application/offset+octet-stream',
  };
  const sending = request(location, { method: 'PATCH', headers, timeout: requestTimeoutMs });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => {});
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) {
    if (!sending.write(bytes)) await Promise.race([once(sending, 'drain'), answered]);
  }
  sending.end(tag);
  const [answer] = await answered;
  answer.resume();
  if (answer.statusCode !== 204) throw new Error(`The bytes were answered with ${answer.statusCode}.`);
}

/** An empty box with a random content, which readers ignore (ISO/IEC 14496-12, 8.1.2). */
export function freeBox(): Buffer {
  const content = randomBytes(24);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(content.length + 8);
  header.write('free', 4);
  return Buffer.concat([header, content]);
}

/** Waits until an asset is READY or FAILED. Throws when it takes too long. */
export async function untilEnded(
  { clients }: MeshAddress,
  assetId: string,
  timeoutMs: number,
  intervalMs = 100,
): Promise<Asset> {
  return waitUntil(
    async () => {
      const asset = await clients.asset(assetId);
      return asset.state === AssetState.READY || asset.state === AssetState.FAILED ? asset : undefined;
    },
    { what: `the end of ${assetId}`, timeoutMs, intervalMs },
  );
}

/** Like {@link untilEnded}, and throws the reason of one that failed. */
export async function untilReady(
  mesh: MeshAddress,
  assetId: string,
  timeoutMs: number,
  intervalMs?: number,
): Promise<Asset> {
  const asset = await untilEnded(mesh, assetId, timeoutMs, intervalMs);
  if (asset.state === AssetState.FAILED)
    throw new Error(`${assetId}: ${asset.failure?.reason} ${asset.failure?.message}`);
  return asset;
}

/** Deletes an asset and waits until it is gone with all its work. */
export async function deleteAsset({ clients }: MeshAddress, assetId: string): Promise<void> {
  await clients.assets.deleteAsset({ assetId });
  await waitUntil(
    () =>
      clients.asset(assetId).then(
        () => false,
        () => true,
      ),
    {
      what: `the deletion of ${assetId}`,
      timeoutMs: 120_000,
      intervalMs: 100,
    },
  );
}
