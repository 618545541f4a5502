/**
 * Runs work for an id, once at a time, and once more for all who asked while it ran: what came to be before it begins is in it. A film whose
 * chunks end one after the other is not counted once for each.
 */
export function createCounting(count: (id: string) => Promise<void>): (id: string) => Promise<void> {
  const atWork = new Map<string, { readonly now: Promise<void>; next?: Promise<void> }>();

  function begin(id: string): Promise<void> {
    const now = count(id).finally(() => {
      if (!entry.next) atWork.delete(id);
    });
    const entry: { readonly now: Promise<void>; next?: Promise<void> } = { now };
    atWork.set(id, entry);
    return now;
  }

  return (id) => {
    const entry = atWork.get(id);
    if (!entry) return begin(id);
    entry.next ??= entry.now.catch(() => {}).then(() => begin(id));
    return entry.next;
  };
}
