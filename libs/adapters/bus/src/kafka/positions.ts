/** For each partition, the oldest offset that it still holds, and the offset that its next record will get. */
export type Positions = ReadonlyMap<number, { readonly low: bigint; readonly high: bigint }>;

/** Parses the offsets that kafkajs returns. */
export function positions(offsets: readonly { partition: number; low: string; high: string }[]): Positions {
  return new Map(offsets.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
}

/**
 * The number of records before the ends that were not handled. `next` is the next offset to handle of each partition.
 * Records that retention deleted count as handled.
 */
export function unhandled(ends: Positions, next: ReadonlyMap<number, bigint>): number {
  return [...ends].reduce((sum, [partition, { low, high }]) => {
    const from = next.get(partition) ?? 0n;
    const first = from > low ? from : low;
    return sum + (first < high ? Number(high - first) : 0);
  }, 0);
}

/** The error of a `drained` that took longer than `ms`. */
export function deadlineReached(topic: string, ms: number): Error {
  return new Error(`${topic} was not handled up to its end within ${ms} ms`);
}
