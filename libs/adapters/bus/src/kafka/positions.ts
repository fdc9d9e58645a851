/** The oldest offset a partition still holds, and the one its next record will get. */
export type Positions = ReadonlyMap<number, { readonly low: bigint; readonly high: bigint }>;

/** kafkajs' answer, parsed. */
export function positions(offsets: readonly { partition: number; low: string; high: string }[]): Positions {
  return new Map(offsets.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
}

/**
 * How many records before the ends were not handled, given the next offset of each partition; what retention took
 * counts as handled.
 */
export function unhandled(ends: Positions, next: ReadonlyMap<number, bigint>): number {
  return [...ends].reduce((sum, [partition, { low, high }]) => {
    const from = next.get(partition) ?? 0n;
    const first = from > low ? from : low;
    return sum + (first < high ? Number(high - first) : 0);
  }, 0);
}

export function deadlineReached(topic: string, ms: number): Error {
  return new Error(`${topic} was not handled up to its end within ${ms} ms`);
}
