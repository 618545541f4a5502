import type { MessageInitShape } from '@bufbuild/protobuf';
import { AssetState, type ListAssetsRequest, type ListAssetsResponseSchema } from '@kerkis/contracts/catalog';
import type { AssetStore } from '../store/assets.ts';

export async function listAssets(
  assets: Pick<AssetStore, 'listAssets'>,
  { filter, order, pageSize, pageToken }: ListAssetsRequest,
): Promise<MessageInitShape<typeof ListAssetsResponseSchema>> {
  return await assets.listAssets({
    state: filter?.state ?? AssetState.UNSPECIFIED,
    ...(filter?.metadataKey && { metadata: { key: filter.metadataKey, value: filter.metadataValue } }),
    titleContains: filter?.titleContains ?? '',
    order,
    pageSize: pageSize || 50,
    pageToken,
  });
}
