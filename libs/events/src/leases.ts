import { KerkisError } from '@kerkis/errors';
import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream';
import { headers, NoRespondersError, nanos } from '@nats-io/transport-node';
import type { EventBus } from './bus.ts';
import { apiCode, apiCodes, eventsFailure } from './failure.ts';

/** What a key holds. */
export interface LeaseState {
  /** Undefined: nobody holds it. */
  readonly value?: Uint8Array;
  /** What a write names to be sure that nobody wrote meanwhile. 0: the key never was, or is forgotten. */
  readonly revision: number;
}

/**
 * Leases by name. Each is gone `ttlMs` after its last write, so that whoever holds one writes it again in time; each write names
 * the revision that it follows, so that of two who write only one succeeds.
 */
export interface Leases {
  /** What the key holds now. */
  read(key: string): Promise<LeaseState>;
  /** All that are held now, in no order. */
  list(): Promise<{ readonly key: string; readonly value: Uint8Array }[]>;
  /** Writes if the key still is at `revision`, and returns the new one. `conflict` LEASE_CONFLICT if it is not. */
  write(key: string, value: Uint8Array, revision: number): Promise<number>;
  /** Gives a lease up if it still is at `revision`. `conflict` LEASE_CONFLICT if it is not. */
  release(key: string, revision: number): Promise<void>;
}

/** Which leases. */
export interface LeaseOptions {
  /** Letters, digits, `_` and `-`. */
  readonly bucket: string;
  readonly ttlMs: number;
  /** Copies in a cluster, 1 to 5. Default 1. */
  readonly replicas?: number;
}

const deleted = 'DEL';

/**
 * Leases in a key-value bucket of JetStream, in the layout that NATS' own clients have. It is kept in memory: a bucket that is lost is
 * made again by the next write. Every call may throw `unavailable` EVENTS_UNAVAILABLE.
 */
export function openLeases(bus: EventBus, options: LeaseOptions): Leases {
  const stream = `KV_${options.bucket}`;
  const subjectOf = (key: string) => `$KV.${options.bucket}.${key}`;
  const doing = (what: string) => `${what} the bucket ${options.bucket}`;
  let isEnsured = false;

  async function ensure(): Promise<void> {
    const config = bucketConfig(stream, options);
    try {
      await bus.request(() => bus.manager.streams.add(config));
    } catch (error) {
      if (apiCode(error) !== apiCodes.streamNameInUse) throw error;
      await bus.request(() => bus.manager.streams.update(stream, config));
    }
    isEnsured = true;
  }

  async function put(key: string, data: Uint8Array, revision: number, operation?: string): Promise<number> {
    const sent = headers();
    if (operation) sent.set('KV-Operation', operation);
    const send = () =>
      bus.request(() =>
        bus.client.publish(subjectOf(key), data, {
          headers: sent,
          expect: { lastSubjectSequence: revision },
        }),
      );
    try {
      if (!isEnsured) await ensure();
      const ack = await send().catch(async (error: unknown) => {
        if (!isMissing(error)) throw error;
        await ensure();
        return await send();
      });
      return ack.seq;
    } catch (error) {
      if (apiCode(error) !== apiCodes.wrongLastSequence) throw eventsFailure(error, doing('a write to'));
      throw new KerkisError('conflict', 'LEASE_CONFLICT', 'Somebody else wrote this lease.', {
        cause: error,
      });
    }
  }

  async function read(key: string): Promise<LeaseState> {
    try {
      const query = { last_by_subj: subjectOf(key) };
      const stored = await bus.request(() => bus.manager.streams.getMessage(stream, query));
      if (!stored) return { revision: 0 };
      const isHeld = stored.header?.get('KV-Operation') !== deleted;
      return { revision: stored.seq, ...(isHeld && { value: stored.data }) };
    } catch (error) {
      if (isAbsent(error)) return { revision: 0 };
      throw eventsFailure(error, doing('a read from'));
    }
  }

  async function keys(): Promise<string[]> {
    try {
      const filter = { subjects_filter: subjectOf('>') };
      const { state } = await bus.request(() => bus.manager.streams.info(stream, filter));
      return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(subjectOf('').length));
    } catch (error) {
      if (isAbsent(error)) return [];
      throw eventsFailure(error, doing('a list of'));
    }
  }

  return {
    read,
    async list() {
      const known = await keys();
      const held = await Promise.all(known.map(async (key) => ({ key, ...(await read(key)) })));
      return held.flatMap(({ key, value }) => (value ? [{ key, value }] : []));
    },
    write: (key, value, revision) => put(key, value, revision),
    async release(key, revision) {
      await put(key, new Uint8Array(), revision, deleted);
    },
  };
}

function bucketConfig(name: string, { bucket, ttlMs, replicas = 1 }: LeaseOptions): BucketConfig {
  return {
    name,
    subjects: [`$KV.${bucket}.>`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.Memory,
    num_replicas: replicas,
    max_age: nanos(ttlMs),
    max_msgs_per_subject: 1,
    duplicate_window: nanos(Math.min(ttlMs, 120_000)),
    discard: DiscardPolicy.New,
    deny_delete: true,
    allow_rollup_hdrs: true,
    allow_direct: true,
  };
}

type BucketConfig = Partial<StreamConfig> & Pick<StreamConfig, 'name'>;

function isMissing(error: unknown): boolean {
  if (apiCode(error) === apiCodes.streamNotFound || error instanceof NoRespondersError) return true;
  return error instanceof Error && error.cause !== undefined && isMissing(error.cause);
}

function isAbsent(error: unknown): boolean {
  const code = apiCode(error);
  return code === apiCodes.streamNotFound || code === apiCodes.noMessageFound;
}
