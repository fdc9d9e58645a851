import { z } from 'zod';
import { USAGE_RECORDED_V1, usageRecordedV1 } from './usage-recorded.v1.js';
import { USAGE_RECORDED_V2, usageRecordedV2 } from './usage-recorded.v2.js';

/** Reads a usage event of any version that this release knows. A journal of the release before has version 1. */
export const usageRecorded = z.discriminatedUnion('eventVersion', [usageRecordedV2, usageRecordedV1]);
/** The usage of one request in any version. */
export type UsageRecorded = z.infer<typeof usageRecorded>;

/** The topic of each version. */
export const USAGE_TOPIC_OF = { 1: USAGE_RECORDED_V1, 2: USAGE_RECORDED_V2 } as const satisfies Record<
  UsageRecorded['eventVersion'],
  string
>;

/**
 * The topics of every version of usage events that this release reads. Balances are complete only when all of them are
 * drained: an epoch that is opened before would let keys spend what they have spent already.
 */
export const USAGE_TOPICS = [USAGE_RECORDED_V1, USAGE_RECORDED_V2] as const;
