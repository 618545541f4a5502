import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Asset, UpdateAssetRequest, UpdateAssetResponseSchema } from '@kerkis/contracts/catalog';
import { KerkisError } from '@kerkis/errors';
import { assetUpdated } from '../events.ts';
import type { AssetStore } from '../store/assets.ts';

const updatable = ['title', 'metadata'] as const;
type Updatable = (typeof updatable)[number];

export async function updateAsset(
  assets: Pick<AssetStore, 'changeAsset'>,
  { asset: wanted, updateMask }: UpdateAssetRequest,
): Promise<MessageInitShape<typeof UpdateAssetResponseSchema>> {
  const paths = (updateMask?.paths ?? []).map(updatablePath);
  if (!wanted || paths.length === 0) {
    throw new KerkisError('invalid', 'UPDATE_MASK_EMPTY', 'Name the fields to change in update_mask.', {
      violations: [{ field: 'update_mask', description: `name one or more of ${updatable.join(', ')}` }],
    });
  }
  const { asset } = await assets.changeAsset(
    wanted.id,
    (record) => {
      const next = merged(record.asset, wanted, paths);
      return { record: { ...record, asset: next }, events: [assetUpdated(next)] };
    },
    wanted.etag,
  );
  return { asset };
}

function merged(current: Asset, wanted: Asset, paths: readonly Updatable[]): Asset {
  const taken = Object.fromEntries(paths.map((path) => [path, wanted[path]]));
  return { ...current, ...taken, updateTime: timestampFromDate(new Date()) };
}

function updatablePath(path: string): Updatable {
  const known = updatable.find((each) => each === path);
  if (known) return known;
  throw new KerkisError('invalid', 'FIELD_NOT_UPDATABLE', `"${path}" cannot be changed by UpdateAsset.`, {
    violations: [{ field: 'update_mask', description: `may name ${updatable.join(', ')}` }],
  });
}
