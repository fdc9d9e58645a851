import { z } from 'zod';
import { ledgerId } from '../ledger-text.js';
import { DEFAULT_ORGANIZATION_ID } from '../organizations.js';
import { count, id, instant, nanoUsd, readableItems } from '../primitives.js';

/** `POST /internal/gateways/register`: durable, before a gateway admits its first capped request. */
export const registerGatewayRequest = z.object({
  /** This process; earlier instances of the same journal are gone from now on, their open holds orphans. */
  instanceId: ledgerId,
  journalId: ledgerId,
});
/**
 * `POST /internal/credit-epochs/open`: drains the topic, loads the ledger, opens the organisation's epoch if it has
 * none.
 */
export const openCreditEpochRequest = z.object({ organizationId: ledgerId });

/**
 * `POST /internal/spending/by-key`: what keys of an organisation have spent, from the ledger. Keys never used are given
 * with zeros. A sum that cannot be read is left out of the reply as it is read: it is unknown, which is not zero. The
 * release before names no organisation, and has keys of no other than the default one.
 */
export const spendingByKeyRequest = z.object({
  organizationId: ledgerId.default(DEFAULT_ORGANIZATION_ID),
  apiKeyIds: z.array(ledgerId).max(1_000),
});
export const keySpending = z.object({
  apiKeyId: id,
  requests: count,
  inputTokens: count,
  outputTokens: count,
  chargedNanoUsd: nanoUsd,
  lastUsedAt: instant.nullable(),
  lastUsedFrom: z.string().nullable(),
});
export const spendingByKeyReply = z.object({ spending: readableItems(keySpending) });
export type KeySpending = z.infer<typeof keySpending>;

/** Token of the `UsageBillingApi` of a process: usage-billing itself, or its client. */
export const USAGE_BILLING_API = Symbol('USAGE_BILLING_API');

/** What the other services may ask of usage-billing. Over HTTP, or direct in the standalone. */
export interface UsageBillingApi {
  registerGateway(request: z.infer<typeof registerGatewayRequest>): Promise<void>;
  openCreditEpoch(request: z.infer<typeof openCreditEpochRequest>): Promise<void>;
  spendingByKey(organizationId: string, apiKeyIds: readonly string[]): Promise<KeySpending[]>;
}
