/** The oldest offset a partition still holds, and the one its next message will get. */
export type Positions = ReadonlyMap<number, { readonly low: bigint; readonly high: bigint }>;

/** kafkajs' answer, parsed. */
export function positions(offsets: readonly { partition: number; low: string; high: string }[]): Positions {
  return new Map(offsets.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
}

/** Whether everything before the ends was handled, given the next offset of each partition; what retention took counts as handled. */
export function handledAll(ends: Positions, next: ReadonlyMap<number, bigint>): boolean {
  return [...ends].every(([partition, { low, high }]) => low >= high || (next.get(partition) ?? 0n) >= high);
}

export function deadlineReached(topic: string, ms: number): Error {
  return new Error(`${topic} was not handled up to its end within ${ms} ms`);
}
