import { fromJson, toJson } from '@bufbuild/protobuf';
import { type Asset, type AssetJson, AssetOrder, AssetSchema, AssetState } from '@kerkis/contracts/catalog';
import type { Collection, CollectionSpec, Database, OutboxEntry, Versioned } from '@kerkis/documents';
import { isKerkisError, KerkisError } from '@kerkis/errors';
import type { AssetRecord, StoringService } from '../domain/asset.ts';

interface AssetDocument {
  id: string;
  asset: AssetJson;
  awaitingDeletion: readonly StoringService[];
  activeSinceMs: number;
}

const separator = '\u0000';
/** Longer metadata values are kept, but no filter finds them: index keys are bounded. */
const maxIndexedLength = 400;
/** Times in JSON have as many digits as they need, which does not sort; these do. */
const sortable = (time: string | undefined) => new Date(time ?? 0).toISOString();
const created = (doc: AssetDocument) => `${sortable(doc.asset.createTime)}${separator}${doc.id}`;

const spec: CollectionSpec<AssetDocument> = {
  name: 'assets',
  indexes: {
    created,
    state: (doc) => `${doc.asset.state}${separator}${created(doc)}`,
    changed: ({ asset }) => `${asset.state}${separator}${sortable(asset.updateTime)}`,
    metadata: (doc) =>
      Object.entries(doc.asset.metadata ?? {})
        .filter(([, value]) => value.length <= maxIndexedLength)
        .map(([key, value]) => `${key}${separator}${value}${separator}${created(doc)}`),
    playbackId: (doc) => doc.asset.playbackIds?.map(({ id }) => id ?? ''),
  },
};

/** An asset record with the events that its change causes. */
export interface AssetChange {
  readonly record: AssetRecord;
  readonly events: readonly OutboxEntry[];
}

/** What a list of assets is narrowed to and how it is ordered. */
export interface AssetQuery {
  readonly state: AssetState;
  readonly metadata?: { readonly key: string; readonly value: string };
  readonly titleContains: string;
  readonly order: AssetOrder;
  readonly pageSize: number;
  readonly pageToken: string;
}

/** The catalog's record of assets. */
export type AssetStore = ReturnType<typeof assetStore>;

const toDocument = ({ asset, awaitingDeletion, activeSinceMs }: AssetRecord): AssetDocument => ({
  id: asset.id,
  asset: toJson(AssetSchema, { ...asset, etag: '' }),
  awaitingDeletion,
  activeSinceMs,
});

const toRecord = ({ doc, version }: Versioned<AssetDocument>): AssetRecord => ({
  asset: { ...fromJson(AssetSchema, doc.asset), etag: String(version) },
  awaitingDeletion: doc.awaitingDeletion,
  activeSinceMs: doc.activeSinceMs,
});

const assetChanged = (assetId: string) =>
  new KerkisError(
    'conflict',
    'ASSET_CHANGED',
    'Somebody else changed the asset: read it again, then retry.',
    {
      details: { assetId },
    },
  );

const notFound = (assetId: string) =>
  new KerkisError('not_found', 'ASSET_NOT_FOUND', 'There is no asset with this id.', {
    details: { assetId },
  });

/** Asset records in a database. */
export function assetStore(database: Database) {
  const assets: Collection<AssetDocument> = database.collection(spec);

  return {
    /** The outbox of this collection is relayed by the service. */
    collection: assets,

    /** Adds an asset; when its id exists already, the one that exists is the answer. */
    async addAsset({ record, events }: AssetChange): Promise<Asset> {
      try {
        return toRecord(await assets.insert(toDocument(record), events)).asset;
      } catch (error) {
        if (!isKerkisError(error) || error.kind !== 'already_exists') throw error;
        return this.getAsset(record.asset.id);
      }
    },

    /** Reads an asset. Throws ASSET_NOT_FOUND. */
    async getAsset(assetId: string): Promise<Asset> {
      const found = await assets.get(assetId);
      if (!found) throw notFound(assetId);
      return toRecord(found).asset;
    },

    /** The asset behind a playback ID, if there is one. */
    async findByPlaybackId(playbackId: string): Promise<Asset | undefined> {
      const { items } = await assets.find({ index: 'playbackId', equals: playbackId, limit: 1 });
      return items[0] && toRecord(items[0]).asset;
    },

    /**
     * Changes an asset and records the events of the change in the same write. `change` answers undefined when there is
     * nothing to do. With `etag`, only while the asset still has it. Throws ASSET_NOT_FOUND, ASSET_CHANGED.
     */
    async changeAsset(
      assetId: string,
      change: (record: AssetRecord) => AssetChange | undefined,
      etag = '',
    ): Promise<AssetRecord> {
      if (etag) return await this.changeAssetAt(assetId, etag, change);
      const updated = await assets.update(assetId, (doc) => {
        const next = change(toRecord({ doc, version: 0 }));
        return next && { doc: toDocument(next.record), outbox: next.events };
      });
      if (!updated) throw notFound(assetId);
      return toRecord(updated);
    },

    /** The same for exactly one version of the asset. */
    async changeAssetAt(
      assetId: string,
      etag: string,
      change: (record: AssetRecord) => AssetChange | undefined,
    ): Promise<AssetRecord> {
      const current = await assets.get(assetId);
      if (!current) throw notFound(assetId);
      if (String(current.version) !== etag) throw assetChanged(assetId);
      const next = change(toRecord(current));
      if (!next) return toRecord(current);
      try {
        const version = current.version;
        return toRecord(await assets.replace({ doc: toDocument(next.record), version }, next.events));
      } catch (error) {
        if (isKerkisError(error) && error.reason === 'VERSION_CONFLICT') throw assetChanged(assetId);
        throw error;
      }
    },

    /** Removes an asset for good; its last events are still published. */
    async removeAsset(asset: Asset, events: readonly OutboxEntry[]): Promise<void> {
      await assets.delete(asset.id, undefined, events);
    },

    /** One page of assets. */
    async listAssets(query: AssetQuery): Promise<{ assets: Asset[]; nextPageToken: string }> {
      const scan = scanOf(query);
      const title = query.titleContains.toLowerCase();
      const page: Asset[] = [];
      let pageToken = query.pageToken;
      // What no index answers is read over, in bounded steps: a page may be short and still have a next one.
      for (let scanned = 0; scanned < 2000; ) {
        const { items, nextPageToken } = await assets.find({
          ...scan,
          limit: query.pageSize - page.length,
          ...(pageToken && { pageToken }),
        });
        scanned += items.length;
        pageToken = nextPageToken ?? '';
        const found = items.map((item) => toRecord(item).asset);
        page.push(...found.filter((asset) => matches(asset, query.state, title)));
        if (!pageToken || page.length >= query.pageSize) break;
      }
      return { assets: page, nextPageToken: pageToken };
    },

    /** Assets in a state that last changed before a time, longest unchanged first. */
    async findStale(state: AssetState, before: Date, limit: number): Promise<AssetRecord[]> {
      const prefix = `ASSET_STATE_${AssetState[state]}${separator}`;
      const range = { prefix, before: `${prefix}${before.toISOString()}` };
      const { items } = await assets.find({ index: 'changed', ...range, limit });
      return items.map(toRecord);
    },
  };
}

function scanOf({ state, metadata, order }: AssetQuery) {
  const direction = order === AssetOrder.CREATED_ASC ? ('asc' as const) : ('desc' as const);
  if (metadata) {
    const prefix = `${metadata.key}${separator}${metadata.value}${separator}`;
    return { index: 'metadata', prefix, order: direction };
  }
  if (state !== AssetState.UNSPECIFIED) {
    return { index: 'state', prefix: `ASSET_STATE_${AssetState[state]}${separator}`, order: direction };
  }
  return { index: 'created', order: direction };
}

function matches(asset: Asset, state: AssetState, title: string): boolean {
  if (state !== AssetState.UNSPECIFIED && asset.state !== state) return false;
  return asset.title.toLowerCase().includes(title);
}
