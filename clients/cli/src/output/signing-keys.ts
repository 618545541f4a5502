import { timestampDate } from '@bufbuild/protobuf/wkt';
import { SigningAlgorithm, type SigningKey } from '@kerkis/contracts/catalog';
import { formatFields, formatTable, formatTime, plain } from './text.ts';

const made = ({ createTime }: SigningKey) => formatTime(createTime && timestampDate(createTime));
const revoked = ({ revokeTime }: SigningKey) => formatTime(revokeTime && timestampDate(revokeTime));

/** Signing keys as a table. */
export function signingKeyTable(keys: readonly SigningKey[]): string {
  const rows = keys.map((key) => [
    key.id,
    SigningAlgorithm[key.algorithm],
    made(key),
    revoked(key),
    plain(key.name),
  ]);
  return formatTable(['ID', 'ALGORITHM', 'CREATED', 'REVOKED', 'NAME'], rows);
}

/** Everything about one signing key. */
export function signingKeyFields(key: SigningKey): string {
  return formatFields([
    ['id', key.id],
    ['algorithm', SigningAlgorithm[key.algorithm]],
    ['name', plain(key.name)],
    ['created', made(key)],
    ['revoked', revoked(key)],
  ]);
}
