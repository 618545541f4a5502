/** How a cache is bounded, and who hears of what leaves it. */
export interface S3FifoOptions<V> {
  readonly capacityBytes: number;
  /** Entries at most, whatever their size. Default one million. */
  readonly maxEntries?: number;
  /** Told of each entry that makes room for others. */
  readonly onEvicted?: (key: string, value: V, sizeBytes: number) => void;
}

/**
 * Entries bounded by the sum of their sizes, which a scan does not flush: S3-FIFO (Yang et al., "FIFO queues are all you need for
 * cache eviction", SOSP 2023). What is new waits in a small queue, a tenth of the room. From there it comes into the main queue if it
 * was asked for twice more, and else goes, leaving only its name: who comes back while that is remembered goes to the main
 * queue at once. The main queue passes over what was asked for since it was last looked at.
 */
export interface S3Fifo<V> {
  /** The entry of that key; counts as a use. */
  get(key: string): V | undefined;
  /** The entry of that key; does not count. */
  peek(key: string): V | undefined;
  /** Counts a use, where there is such an entry. */
  touch(key: string): void;
  /**
   * Puts or replaces an entry. False when it was not admitted: what is larger than the small queue has to be put twice unless there is
   * room anyway, what is larger than everything never comes in.
   */
  set(key: string, value: V, sizeBytes: number): boolean;
  /** Puts an entry of former times into the main queue if there is room left. */
  restore(key: string, value: V, sizeBytes: number): boolean;
  delete(key: string): boolean;
  /** Lets the next entries go until no more than `bytes` are taken. */
  shrinkTo(bytes: number): void;
  /** All entries, in no order that matters. */
  entries(): IterableIterator<readonly [key: string, value: V]>;
  readonly sizeBytes: number;
  readonly count: number;
}

interface Entry<V> {
  readonly key: string;
  /** Undefined: only the name is remembered. */
  value: V | undefined;
  sizeBytes: number;
  uses: number;
  queue: Queue<V> | undefined;
  older: Entry<V> | undefined;
  newer: Entry<V> | undefined;
}

const smallShare = 0.1;
const maxUses = 3;
/** So often an entry is asked for in the small queue by more than one viewer, or by one who comes back. */
const usesToStay = 2;

export function createS3Fifo<V>(options: S3FifoOptions<V>): S3Fifo<V> {
  const { capacityBytes, maxEntries = 1_000_000, onEvicted } = options;
  const smallBytes = Math.floor(capacityBytes * smallShare);
  const known = new Map<string, Entry<V>>();
  const [small, main, gone] = [new Queue<V>(), new Queue<V>(), new Queue<V>()];
  const taken = () => small.sizeBytes + main.sizeBytes;
  const count = () => small.count + main.count;

  const resident = (key: string) => {
    const entry = known.get(key);
    return entry?.queue === gone ? undefined : entry;
  };

  function makeRoom(incomingBytes: number, limitBytes = capacityBytes): void {
    while (count() > 0 && (taken() + incomingBytes > limitBytes || count() >= maxEntries)) {
      if (main.count === 0 || (small.count > 0 && small.sizeBytes + incomingBytes > smallBytes)) passSmall();
      else passMain();
    }
  }

  /** The oldest of the small queue moves on or goes. */
  function passSmall(): void {
    const entry = small.shift();
    if (!entry) return;
    if (entry.uses >= usesToStay) {
      entry.uses = 0;
      main.push(entry);
      return;
    }
    evicted(entry);
    entry.value = undefined;
    remember(entry);
  }

  /** The oldest of the main queue gets another turn or goes. */
  function passMain(): void {
    const entry = main.shift();
    if (!entry) return;
    if (entry.uses > 0) {
      entry.uses -= 1;
      main.push(entry);
      return;
    }
    known.delete(entry.key);
    evicted(entry);
  }

  function evicted({ key, value, sizeBytes }: Entry<V>): void {
    if (value !== undefined) onEvicted?.(key, value, sizeBytes);
  }

  function remember(entry: Entry<V>): void {
    gone.push(entry);
    while (gone.sizeBytes > capacityBytes || gone.count > maxEntries) {
      const forgotten = gone.shift();
      if (forgotten) known.delete(forgotten.key);
    }
  }

  function remove(key: string): Entry<V> | undefined {
    const entry = known.get(key);
    entry?.queue?.remove(entry);
    known.delete(key);
    return entry;
  }

  function create(key: string, value: V | undefined, sizeBytes: number): Entry<V> {
    const entry = { key, value, sizeBytes, uses: 0, queue: undefined, older: undefined, newer: undefined };
    known.set(key, entry);
    return entry;
  }

  return {
    get(key) {
      const entry = resident(key);
      if (entry && entry.uses < maxUses) entry.uses += 1;
      return entry?.value;
    },
    peek: (key) => resident(key)?.value,
    touch(key) {
      const entry = resident(key);
      if (entry && entry.uses < maxUses) entry.uses += 1;
    },
    set(key, value, sizeBytes) {
      const former = resident(key);
      if (former?.sizeBytes === sizeBytes) {
        former.value = value;
        return true;
      }
      const cameBack = remove(key) !== undefined;
      if (sizeBytes > capacityBytes) return false;
      if (!cameBack && sizeBytes > smallBytes && taken() + sizeBytes > capacityBytes) {
        remember(create(key, undefined, sizeBytes));
        return false;
      }
      makeRoom(sizeBytes);
      (cameBack ? main : small).push(create(key, value, sizeBytes));
      return true;
    },
    restore(key, value, sizeBytes) {
      if (resident(key) || taken() + sizeBytes > capacityBytes || count() >= maxEntries) return false;
      remove(key);
      main.push(create(key, value, sizeBytes));
      return true;
    },
    delete: (key) => remove(key)?.value !== undefined,
    shrinkTo: (bytes) => makeRoom(0, bytes),
    *entries() {
      for (const [key, { value }] of known) if (value !== undefined) yield [key, value] as const;
    },
    get sizeBytes() {
      return taken();
    },
    get count() {
      return count();
    },
  };
}

/** Entries in the order in which they came; any of them can be taken out. */
class Queue<V> {
  sizeBytes = 0;
  count = 0;
  private oldest: Entry<V> | undefined;
  private newest: Entry<V> | undefined;

  push(entry: Entry<V>): void {
    entry.queue = this;
    entry.older = this.newest;
    entry.newer = undefined;
    if (this.newest) this.newest.newer = entry;
    else this.oldest = entry;
    this.newest = entry;
    this.sizeBytes += entry.sizeBytes;
    this.count += 1;
  }

  shift(): Entry<V> | undefined {
    const entry = this.oldest;
    if (entry) this.remove(entry);
    return entry;
  }

  remove(entry: Entry<V>): void {
    const { older, newer } = entry;
    if (older) older.newer = newer;
    else this.oldest = newer;
    if (newer) newer.older = older;
    else this.newest = older;
    entry.older = undefined;
    entry.newer = undefined;
    entry.queue = undefined;
    this.sizeBytes -= entry.sizeBytes;
    this.count -= 1;
  }
}
