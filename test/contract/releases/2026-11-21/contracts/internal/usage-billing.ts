import { z } from 'zod';
import { count, id, instant, nanoUsd } from '../primitives.js';

/** `POST /internal/gateways/register`: durable, before a gateway admits its first capped request. */
export const registerGatewayRequest = z.strictObject({
  /** This process; earlier instances of the same journal are gone from now on, their open holds orphans. */
  instanceId: id,
  journalId: id,
});
/** `POST /internal/credit-epochs/open`: drains the topic, loads the ledger, opens the organisation's epoch if it has none. */
export const openCreditEpochRequest = z.strictObject({ organizationId: id });

/** `POST /internal/spending/by-key`: what keys have spent, from the ledger. Keys never used are given with zeros. */
export const spendingByKeyRequest = z.strictObject({ apiKeyIds: z.array(id).max(1_000) });
export const keySpending = z.strictObject({
  apiKeyId: id,
  requests: count,
  inputTokens: count,
  outputTokens: count,
  chargedNanoUsd: nanoUsd,
  lastUsedAt: instant.nullable(),
  lastUsedFrom: z.string().nullable(),
});
export const spendingByKeyReply = z.strictObject({ spending: z.array(keySpending) });
export type KeySpending = z.infer<typeof keySpending>;

/** What the other services may ask of usage-billing. Over HTTP, or direct in the standalone. */
export interface UsageBillingApi {
  registerGateway(request: z.infer<typeof registerGatewayRequest>): Promise<void>;
  openCreditEpoch(request: z.infer<typeof openCreditEpochRequest>): Promise<void>;
  spendingByKey(apiKeyIds: readonly string[]): Promise<KeySpending[]>;
}
