import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type Asset, AssetState } from '@kerkis/contracts/catalog';
import { playbackUrls } from '../playback.ts';
import { formatBytes, formatDuration, formatFields, formatTable, formatTime, plain } from './text.ts';

/** Assets as a table. */
export function assetTable(assets: readonly Asset[]): string {
  const rows = assets.map((asset) => [
    asset.id,
    AssetState[asset.state],
    asset.durationMs > 0n ? formatDuration(Number(asset.durationMs)) : '',
    formatTime(asset.createTime && timestampDate(asset.createTime)),
    plain(asset.title),
  ]);
  return formatTable(['ID', 'STATE', 'DURATION', 'CREATED', 'TITLE'], rows);
}

/** Everything about one asset. */
export function assetFields(asset: Asset, server: string): string {
  const { source, failure, sourceInfo } = asset;
  const playbackId = asset.playbackIds[0]?.id;
  const urls = playbackId === undefined ? undefined : playbackUrls(server, playbackId);
  return formatFields([
    ['id', asset.id],
    ['state', AssetState[asset.state]],
    ['failure', failure ? `${failure.reason}: ${plain(failure.message)}` : ''],
    ['title', plain(asset.title)],
    ['profile', asset.profile],
    ['duration', asset.durationMs > 0n ? formatDuration(Number(asset.durationMs)) : ''],
    ['source', source ? `${plain(source.fileName)} (${formatBytes(Number(source.sizeBytes))})` : ''],
    ['container', sourceInfo?.container ?? ''],
    ['sha256', source?.sha256 ?? ''],
    ['generation', asset.activeGenerationId],
    ['created', formatTime(asset.createTime && timestampDate(asset.createTime))],
    ['changed', formatTime(asset.updateTime && timestampDate(asset.updateTime))],
    ...Object.entries(asset.metadata).map(([key, value]) => [`meta ${plain(key)}`, plain(value)] as const),
    ['player', urls?.player ?? ''],
    ['hls', urls?.hls ?? ''],
    ['dash', urls?.dash ?? ''],
  ]);
}
