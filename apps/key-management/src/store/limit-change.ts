import type { CreditReset } from '@tollgate/api-key';
import { LIMITS_CHANGED_V1, type LimitsChangedV1 } from '@tollgate/contracts';
import type { OutboxEntry } from '@tollgate/postgres';
import type { CreditRaise } from '../organizations/credit-raise.js';

/** The credit limit of a key or of an organisation. An organisation's never resets. */
interface CreditLimit {
  readonly creditLimitNanoUsd: bigint | null;
  readonly creditReset?: CreditReset;
  readonly creditRaise: CreditRaise | null;
}

/** Whose limit it is. */
interface LimitOwner extends Pick<LimitsChangedV1, 'organizationId' | 'apiKeyId' | 'version'> {
  readonly at: Date;
}

/**
 * The outbox entry by which usage-billing hears of another limit, for what is used may be more of it now; none where it
 * stays, and for a new key, which has used nothing.
 */
export function limitEntries(owner: LimitOwner, before: CreditLimit | null, after: CreditLimit): OutboxEntry[] {
  if (before === null) return [];
  const [was, is] = [limitOf(before), limitOf(after)];
  if (JSON.stringify(was) === JSON.stringify(is)) return [];
  const { organizationId, apiKeyId, version, at } = owner;
  const changedAt = at.toISOString();
  const event: LimitsChangedV1 = { eventVersion: 1, organizationId, apiKeyId, version, ...is, changedAt };
  return [{ effect: LIMITS_CHANGED_V1, key: organizationId, payload: JSON.stringify(event) }];
}

function limitOf({ creditLimitNanoUsd, creditReset = 'never', creditRaise }: CreditLimit) {
  return {
    capNanoUsd: creditLimitNanoUsd?.toString() ?? null,
    reset: creditReset,
    raise:
      creditRaise === null
        ? null
        : { amountNanoUsd: creditRaise.amountNanoUsd.toString(), until: creditRaise.until.toISOString() },
  };
}
