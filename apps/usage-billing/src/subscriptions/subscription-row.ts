import type { SubscriptionTerms } from '@tollgate/contracts';
import { momentText } from '@tollgate/postgres';
import type { CycleCharge, Subscription } from './subscription.js';

/** A subscription as it is stored, with what the API shows of it besides. */
export interface StoredSubscription {
  readonly subscription: Subscription;
  readonly planName: string;
  readonly nextPlanName: string | null;
  readonly maskedKey: string | null;
  /** What its key was told last; null before it was made. */
  readonly told: SubscriptionTerms | null;
  readonly createdAt: Date;
  /** When its key was made; null while it is not, or could not be. */
  readonly madeAt: Date | null;
  /** When it must be looked at next; null once it has ended and that was told. */
  readonly dueAt: Date | null;
}

/** A row that `SELECT_SUBSCRIPTION` returns, with the types that the driver gives. */
export interface SubscriptionRow {
  organization_id: string;
  id: string;
  member_id: string | null;
  api_key_id: string;
  masked_key: string | null;
  next_plan_id: string | null;
  plan_name: string;
  next_plan_name: string | null;
  anchor: Date;
  ends_at: Date | null;
  payg_enabled: boolean;
  payg_limit_nano_usd: string | null;
  payg_raise_nano_usd: string | null;
  payg_raise_until: Date | null;
  version: number;
  told: SubscriptionTerms | null;
  created_at: Date;
  made_at: Date | null;
  due_at: Date | null;
  created_at_text: string;
  charges: ChargeRow[];
}

interface ChargeRow {
  number: number;
  sequence: number;
  at: string;
  starts_at: string;
  ends_at: string;
  plan_id: string;
  plan_version: number;
  quota_nano_usd: string;
  amount_nano_usd: string;
}

/**
 * SQL: whether a charge does not stand, since the cycle or the change of plan that it is for would have begun after the
 * end of whom the subscription is for, and that was heard of later. The first cycle always stands.
 */
export const isUndone = (charge: string, ownerEndedAt: string): string =>
  `((${charge}.number > 0 AND ${charge}.starts_at >= date_trunc('second', ${ownerEndedAt}))
     OR (${charge}.sequence > 0 AND ${charge}.at >= ${ownerEndedAt}))`;

/** Selects subscriptions with the charges of their last two cycles; the caller appends its conditions. */
export const SELECT_SUBSCRIPTION = `SELECT s.organization_id, s.id, s.member_id, s.api_key_id, s.masked_key, s.next_plan_id, p.name AS plan_name,
    n.name AS next_plan_name, s.anchor, s.ends_at, s.payg_enabled, s.payg_limit_nano_usd, s.payg_raise_nano_usd, s.payg_raise_until, s.version, s.told, s.created_at, s.made_at, s.due_at,
    ${momentText('s.created_at')} AS created_at_text, c.charges
  FROM billing.subscription AS s
  JOIN billing.plan AS p ON p.id = s.plan_id
  LEFT JOIN billing.plan AS n ON n.id = s.next_plan_id
  CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('number', one.number, 'sequence', one.sequence, 'at', one.at, 'starts_at', one.starts_at,
        'ends_at', one.ends_at, 'plan_id', one.plan_id, 'plan_version', one.plan_version, 'quota_nano_usd', one.quota_nano_usd::text,
        'amount_nano_usd', one.amount_nano_usd::text) ORDER BY one.number, one.sequence), '[]') AS charges
    FROM billing.subscription_charge AS one
    WHERE one.organization_id = s.organization_id AND one.subscription_id = s.id AND ${isUndone('one', 's.owner_ended_at')} IS NOT TRUE
      AND one.number >= (
      SELECT max(last.number) - 1 FROM billing.subscription_charge AS last
      WHERE last.organization_id = s.organization_id AND last.subscription_id = s.id
        AND ${isUndone('last', 's.owner_ended_at')} IS NOT TRUE)
  ) AS c`;

/** The subscription in a row. One that was never made has no charges, and is none. */
export function storedSubscriptionOf(row: SubscriptionRow): StoredSubscription {
  const [first, ...rest] = row.charges.map(chargeOf);
  if (first === undefined) throw new Error('a subscription that was made has no charge');
  return {
    subscription: {
      id: row.id,
      organizationId: row.organization_id,
      memberId: row.member_id,
      apiKeyId: row.api_key_id,
      anchorMs: row.anchor.getTime(),
      version: row.version,
      nextPlanId: row.next_plan_id,
      endsAtMs: row.ends_at?.getTime() ?? null,
      payg: {
        enabled: row.payg_enabled,
        limitNanoUsd: row.payg_limit_nano_usd === null ? null : BigInt(row.payg_limit_nano_usd),
        raise:
          row.payg_raise_nano_usd === null || row.payg_raise_until === null
            ? null
            : { amountNanoUsd: BigInt(row.payg_raise_nano_usd), until: row.payg_raise_until },
      },
      charges: [first, ...rest],
    },
    planName: row.plan_name,
    nextPlanName: row.next_plan_name,
    maskedKey: row.masked_key,
    told: row.told,
    createdAt: row.created_at,
    madeAt: row.made_at,
    dueAt: row.due_at,
  };
}

const chargeOf = (row: ChargeRow): CycleCharge => ({
  number: row.number,
  sequence: row.sequence,
  atMs: Date.parse(row.at),
  startMs: Date.parse(row.starts_at),
  endMs: Date.parse(row.ends_at),
  planId: row.plan_id,
  planVersion: row.plan_version,
  quotaNanoUsd: BigInt(row.quota_nano_usd),
  amountNanoUsd: BigInt(row.amount_nano_usd),
});
