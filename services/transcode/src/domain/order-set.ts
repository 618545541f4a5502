/** A set of small numbers, as a string of two hexadecimal digits for each eight of them: a film's chunks take a hundred letters. */
export type OrderSet = string;

/** The set with these numbers too. */
export function withOrders(set: OrderSet, orders: Iterable<number>): OrderSet {
  const wanted = [...orders];
  const sizeBytes = Math.max(set.length / 2, ...wanted.map((order) => (order >> 3) + 1));
  const bytes = Buffer.alloc(sizeBytes);
  bytes.write(set, 'hex');
  for (const order of wanted) bytes[order >> 3] = (bytes[order >> 3] ?? 0) | (1 << (order & 7));
  return bytes.toString('hex');
}

/** Whether the number is in the set. */
export function hasOrder(set: OrderSet, order: number): boolean {
  const digits = set.slice((order >> 3) * 2, (order >> 3) * 2 + 2);
  return ((Number.parseInt(digits || '0', 16) >> (order & 7)) & 1) === 1;
}
