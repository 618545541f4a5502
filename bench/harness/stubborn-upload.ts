import { setTimeout as sleep } from 'node:timers/promises';
import { createTus, patchTus } from '../../e2e/harness/tus.ts';
import type { ProfileName } from './ladder.ts';
import { freeBox, type MeshAddress } from './upload.ts';

const giveUpMs = 180_000;
const pauseMs = 250;

/**
 * Uploads bytes to a mesh whose services come and go: what fails is tried again, and bytes go on at the offset that the server
 * knows. Resolves with the asset once the last byte was acknowledged. Throws when that takes too long.
 */
export async function uploadStubbornly(
  mesh: MeshAddress,
  file: Uint8Array,
  profile: ProfileName,
): Promise<string> {
  const bytes = new Uint8Array(Buffer.concat([file, freeBox()]));
  const deadline = performance.now() + giveUpMs;
  const stubborn = async <T>(attempt: () => Promise<T | undefined>): Promise<T> => {
    for (let cause: unknown; ; await sleep(pauseMs)) {
      try {
        const result = await attempt();
        if (result !== undefined) return result;
      } catch (error) {
        cause = error;
      }
      if (performance.now() > deadline) throw new Error('An upload was not accepted in time.', { cause });
    }
  };
  const location = await stubborn(async () => {
    const { status, location: made } = await createTus(mesh.url, bytes.length, {
      filename: 'source.mp4',
      profile,
    });
    return status === 201 ? made : undefined;
  });
  await stubborn(async () => {
    const offset = await offsetOf(location);
    if (offset === bytes.length) return true;
    const { status } = await patchTus(location, offset, bytes.subarray(offset));
    return status === 204 ? true : undefined;
  });
  const uploadId = location.split('/').at(-1) ?? '';
  return await stubborn(
    async () => (await mesh.clients.uploads.getUpload({ uploadId })).upload?.assetId || undefined,
  );
}

async function offsetOf(location: string): Promise<number> {
  const answer = await fetch(location, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' } });
  const offset = answer.headers.get('upload-offset');
  if (!answer.ok || offset === null) throw new Error(`HEAD of the upload is answered with ${answer.status}.`);
  return Number(offset);
}
