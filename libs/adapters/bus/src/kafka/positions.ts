/** For each partition, the oldest offset that it still holds, and the offset that its next record will get. */
export type Positions = ReadonlyMap<number, { readonly low: bigint; readonly high: bigint }>;

/** Parses the offsets that kafkajs returns. */
export function positions(offsets: readonly { partition: number; low: string; high: string }[]): Positions {
  return new Map(offsets.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
}

/** The offset of the first record that was not handled, of each partition that has one. */
export function waitingFrom(ends: Positions, next: ReadonlyMap<number, bigint>): Map<number, bigint> {
  const waiting = new Map<number, bigint>();
  for (const [partition, { low, high }] of ends) {
    const from = next.get(partition) ?? 0n;
    const first = from > low ? from : low;
    if (first < high) waiting.set(partition, first);
  }
  return waiting;
}

/**
 * The number of records before the ends that were not handled. `next` is the next offset to handle of each partition.
 * Records that retention deleted count as handled.
 */
export function unhandled(ends: Positions, next: ReadonlyMap<number, bigint>): number {
  return [...waitingFrom(ends, next)].reduce(
    (sum, [partition, first]) => sum + Number(ends.get(partition)!.high - first),
    0,
  );
}

/** The error of a `drained` that took longer than `ms`. */
export function deadlineReached(topic: string, ms: number): Error {
  return new Error(`${topic} was not handled up to its end within ${ms} ms`);
}
