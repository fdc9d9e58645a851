import { USAGE_RECORDED_V1 } from './usage-recorded.v1.js';

/**
 * The topics of every version of usage events that this release reads. Balances are complete only when all of them are
 * drained: an epoch that is opened before would let keys spend what they have spent already.
 */
export const USAGE_TOPICS = [USAGE_RECORDED_V1] as const;
