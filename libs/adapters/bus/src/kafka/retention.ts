import type { RetentionUsed } from '../port.js';
import { waitingFrom, type Positions } from './positions.js';

/** How much the cluster keeps of a topic; null without a limit. */
export interface RetentionLimits {
  /** Of each partition. */
  readonly bytes: number | null;
  readonly ms: number | null;
}

/** Reads the limits from settings of the topic as the cluster tells them. */
export function limitsOf(settings: readonly { configName: string; configValue: string }[]): RetentionLimits {
  const limit = (name: string): number | null => {
    const value = Number(settings.find(({ configName }) => configName === name)?.configValue);
    // -1 is none.
    return value > 0 ? value : null;
  };
  return { bytes: limit('retention.bytes'), ms: limit('retention.ms') };
}

/** What is known of the partitions of a topic. */
export interface KeptPartitions {
  readonly ends: Positions;
  /** The next offset to handle of each. */
  readonly next: ReadonlyMap<number, bigint>;
  /** On disk, of each. */
  readonly bytes: ReadonlyMap<number, bigint>;
  /** Age of the oldest record that is not handled; 0 if all are. */
  readonly oldestAgeMs: number;
}

/**
 * How much of what the cluster keeps is taken up by records that are not handled, in the partition where that is most.
 * Records are taken to be of one size: the cluster tells the bytes of a partition, not those of a record.
 */
export function retentionUsed(
  limits: RetentionLimits,
  { ends, next, bytes, oldestAgeMs }: KeptPartitions,
): RetentionUsed {
  const waiting = waitingFrom(ends, next);
  const unhandledBytes = [...waiting].map(([partition, first]) => {
    const { low, high } = ends.get(partition)!;
    const share = Number(high - first) / Number(high - low);
    return share * Number(bytes.get(partition) ?? 0n);
  });
  return {
    bytes: limits.bytes === null ? null : Math.max(0, ...unhandledBytes) / limits.bytes,
    time: limits.ms === null ? null : oldestAgeMs / limits.ms,
  };
}
