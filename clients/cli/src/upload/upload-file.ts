import { randomUUID } from 'node:crypto';
import { type Asset, AssetState, type Encryption, type PlaybackPolicy } from '@kerkis/contracts/catalog';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import { type Clients, requestHeaders } from '../client.ts';
import { type AwaitedState, awaitAsset } from '../follow/follow-asset.ts';
import { followJob } from '../follow/follow-job.ts';
import { neverBack } from '../follow/never-back.ts';
import type { UploadReport } from './report.ts';
import { sendFile } from './send-file.ts';
import type { SourceFile } from './source-file.ts';

/** What becomes of a file. */
export interface UploadPlan {
  readonly server: string;
  readonly apiKey?: string;
  readonly title?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly profile?: string;
  readonly policy: PlaybackPolicy;
  readonly encryption: Encryption;
  readonly awaited: AwaitedState;
  readonly signal: AbortSignal;
}

/** Uploads the file and follows its asset until it is as far as awaited. What was begun is cancelled when it fails. */
export async function uploadFile(
  file: SourceFile,
  plan: UploadPlan,
  clients: Clients,
  report: UploadReport,
): Promise<Asset> {
  const { server, signal } = plan;
  const { upload } = await clients.uploads.createUpload({
    requestId: randomUUID(),
    sizeBytes: BigInt(file.sizeBytes),
    spec: {
      fileName: file.name,
      title: plan.title ?? '',
      metadata: { ...plan.metadata },
      profile: plan.profile ?? '',
      playbackPolicy: plan.policy,
      encryption: plan.encryption,
    },
  });
  if (upload === undefined)
    throw new KerkisError('internal', 'UPLOAD_MISSING', 'The server answered without a session.');
  try {
    await sendFile(file, {
      server,
      url: `${server}${upload.tusPath}`,
      headers: requestHeaders(plan),
      onProgress: report.bytes,
      signal,
    });
  } catch (error) {
    // Otherwise the bytes sent so far would rest on the server until the session expires.
    await clients.uploads.cancelUpload({ uploadId: upload.id }, { timeoutMs: 3_000 }).catch(() => {});
    throw error;
  }
  using encoding = followEncoding(clients, report, plan.awaited === AssetState.READY);
  const noticed = (asset: Asset) => {
    report.state(asset);
    encoding.noticed(asset);
  };
  try {
    return await awaitAsset(clients, upload.assetId, plan.awaited, noticed, signal);
  } catch (error) {
    throw signal.aborted && !isKerkisError(error) ? waitEnded(upload.assetId, error) : error;
  }
}

/** What an abort makes of a call that waits says nothing to a person. */
function waitEnded(assetId: string, cause: unknown): KerkisError {
  return new KerkisError(
    'cancelled',
    'CANCELLED',
    `Nobody waits any longer. The file is uploaded and the server goes on: see "kerkis asset watch ${assetId}".`,
    { details: { assetId }, cause },
  );
}

/** Reports the tracks of the job that makes an asset as soon as there is one. That it fails to must not fail the upload. */
function followEncoding(clients: Clients, report: UploadReport, isWanted: boolean) {
  const ending = new AbortController();
  const { signal } = ending;
  const shown = neverBack();
  let isFollowed = !isWanted;
  async function follow(generationId: string): Promise<void> {
    const { generation } = await clients.generations.getGeneration({ generationId }, { signal });
    if (generation === undefined || generation.jobId === '') return;
    for await (const job of followJob(clients, generation.jobId, { signal, isReached: true })) {
      if (!signal.aborted) report.tracks(shown(job));
    }
  }
  return {
    noticed({ activeGenerationId }: Asset) {
      if (isFollowed || activeGenerationId === '') return;
      isFollowed = true;
      follow(activeGenerationId).catch(() => {});
    },
    [Symbol.dispose]: () => ending.abort(),
  };
}
