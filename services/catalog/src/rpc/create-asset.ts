import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CreateAssetRequest, CreateAssetResponseSchema } from '@kerkis/contracts/catalog';
import { idForRequest } from '@kerkis/ids';
import { injectHeaders } from '@kerkis/telemetry';
import { newAsset } from '../domain/asset.ts';
import { assetCreated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';
import type { ProfileStore } from '../store/profiles.ts';

/** What CreateAsset needs. */
export interface CreateAssetDependencies {
  readonly assets: Pick<AssetStore, 'addAsset'>;
  readonly profiles: Pick<ProfileStore, 'getProfile'>;
  readonly defaultProfile: string;
}

export async function createAsset(
  { assets, profiles, defaultProfile }: CreateAssetDependencies,
  request: CreateAssetRequest,
): Promise<MessageInitShape<typeof CreateAssetResponseSchema>> {
  const profile = await profiles.getProfile(request.profile || defaultProfile);
  const record = newAsset({
    id: idForRequest('ast', request.requestId),
    playbackId: idForRequest('pbk', request.requestId),
    title: request.title,
    metadata: request.metadata,
    profile: profile.name,
    policy: request.playbackPolicy,
    encryption: request.encryption,
    traceParent: injectHeaders().traceparent ?? '',
    now: new Date(),
  });
  return { asset: await assets.addAsset({ record, events: [assetCreated(record.asset)] }) };
}
