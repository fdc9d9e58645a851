import { kindOfAccount } from '@tollgate/api-key';
import { formatUsd } from '@tollgate/credit';
import type { Notice } from '../webhooks/webhook-events.js';
import type { Level, RefusedCall } from './credit-level.js';

interface AlertFacts {
  readonly organizationId: string;
  readonly id: string;
  readonly accountId: string;
  readonly apiKeyId: string | null;
  readonly usedNanoUsd: bigint;
  /** The limit; of unusual spending, what is usual for the key. */
  readonly limitNanoUsd: bigint;
  readonly raisedAt: Date;
}

/** So much of a limit or a balance is used. */
export interface ThresholdAlert extends AlertFacts {
  readonly kind: 'credit_threshold';
  readonly level: Level;
  readonly reason: 'posted' | 'refused';
  /** The call that was refused; null if none was. */
  readonly refusedCall: RefusedCall | null;
}

/** A key spends far more than in its last weeks. */
export interface UnusualSpendAlert extends AlertFacts {
  readonly kind: 'unusual_spend';
  /** In UTC: `2026-11-29`. */
  readonly day: string;
}

/** Something that people are told of once. */
export type Alert = ThresholdAlert | UnusualSpendAlert;

/** What the alert says to webhooks. */
export function noticeOf(alert: Alert): Notice {
  const { id, organizationId, raisedAt } = alert;
  const about = { noticeId: id, organizationId, occurredAt: raisedAt.toISOString() };
  const [used, limit] = [formatUsd(alert.usedNanoUsd), formatUsd(alert.limitNanoUsd)];
  if (alert.kind === 'unusual_spend') {
    const data = { alert_id: id, api_key_id: alert.apiKeyId, day: alert.day, spent_usd: used, usual_usd: limit };
    return { ...about, type: 'credit.unusual_spend', data: { organization_id: organizationId, ...data } };
  }
  return {
    ...about,
    type: 'credit.threshold_crossed',
    data: {
      organization_id: organizationId,
      alert_id: id,
      account: alert.accountId,
      kind: kindOfAlertedAccount(alert.accountId),
      api_key_id: alert.apiKeyId,
      level: alert.level,
      reason: alert.reason,
      used_usd: used,
      limit_usd: limit,
      ...refusedCallOf(alert),
    },
  };
}

/** What an alert says of the call that was refused; nulls if none was, or what was left is not known. */
export function refusedCallOf({ refusedCall }: ThresholdAlert): { asked_usd: string | null; left_usd: string | null } {
  const [asked, left] = [refusedCall?.askedNanoUsd ?? null, refusedCall?.leftNanoUsd ?? null];
  return { asked_usd: asked === null ? null : formatUsd(asked), left_usd: left === null ? null : formatUsd(left) };
}

/** What kinds of accounts alerts are about. */
export const ALERTED_KINDS = [
  'key',
  'organization',
  'group',
  'project',
  'subscription',
  'payg',
  'balance',
  'other',
] as const;
export type AlertedKind = (typeof ALERTED_KINDS)[number];

/** What an alert is about, by its account. */
export function kindOfAlertedAccount(accountId: string): AlertedKind {
  if (accountId.startsWith('balance:')) return 'balance';
  const kind = kindOfAccount(accountId);
  return kind === null || kind === 'grant' ? 'other' : kind;
}
