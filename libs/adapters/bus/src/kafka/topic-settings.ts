import { USAGE_TOPICS } from '@tollgate/contracts';

/** Partitions of each topic. Those of one organisation's events are one, so that their order is kept. */
export const TOPIC_PARTITIONS = 6;

const MIB = 1024 * 1024;
/** Bytes on disk that each of the topics of usage events may take, all partitions together: some 100 million events. */
const USAGE_RETENTION_BYTES = 6 * 1024 * MIB;
/** Of each other topic. Their events are small, and what they say can be read again from the service that tells it. */
const OTHER_RETENTION_BYTES = 384 * MIB;
const RETENTION_DAYS = 7;
/**
 * A partition's file is closed at this share of what the partition may take. Only closed files are removed, so a
 * partition takes up to this much more than its limit.
 */
const FILES_IN_RETENTION = 8;
/** The cluster takes no smaller files. */
const FILE_BYTES_MIN = MIB;
/** And, as an integer of 32 bits, no larger ones. */
const FILE_BYTES_MAX = 1024 * MIB;

const usageTopics = new Set<string>(USAGE_TOPICS);

/**
 * The settings that say how much of a topic the cluster keeps: the oldest records are removed, read or not, when a
 * partition has more bytes or they are older. `usageBytes`: in the place of `USAGE_RETENTION_BYTES`.
 */
export function settingsOf(
  topic: string,
  usageBytes: number = USAGE_RETENTION_BYTES,
): readonly { readonly name: string; readonly value: string }[] {
  const bytes = usageTopics.has(topic) ? usageBytes : OTHER_RETENTION_BYTES;
  const partitionBytes = Math.floor(bytes / TOPIC_PARTITIONS);
  const fileBytes = Math.min(FILE_BYTES_MAX, Math.max(FILE_BYTES_MIN, Math.floor(partitionBytes / FILES_IN_RETENTION)));
  return [
    { name: 'retention.bytes', value: String(partitionBytes) },
    { name: 'retention.ms', value: String(RETENTION_DAYS * 86_400_000) },
    { name: 'segment.bytes', value: String(fileBytes) },
  ];
}
