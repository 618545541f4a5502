export type {
  Change,
  Collection,
  CollectionSpec,
  Database,
  KeyExtractor,
  OutboxEntry,
  Page,
  PendingOutbox,
  Query,
  Versioned,
} from './collection.ts';
export { type DatabaseOptions, openDatabase } from './open-database.ts';
