import { formatUsd } from '@tollgate/credit';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import type { AlertSettings } from './alert-settings.js';
import { ALERTED_KINDS, kindOfAlertedAccount, refusedCallOf, type Alert } from './alert.js';
import { LEVELS } from './credit-level.js';

const usd = z.string().describe('Decimal USD, exact.');
const EXAMPLE = {
  object: 'alert',
  id: '5f1c8d1e-3b6a-4f7e-9d51-0123456789ab',
  kind: 'credit_threshold',
  level: 80,
  account: 'key:0b4f2f5e-7f5c-4d0e-9a77-0123456789ab:monthly:2026-11-01',
  account_kind: 'key',
  api_key_id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  reason: 'posted',
  used_usd: '8.01',
  limit_usd: '10',
  asked_usd: null,
  left_usd: null,
  day: null,
  created_at: '2026-11-29T09:31:00.000Z',
} as const;

/** An alert as the admin API shows it. */
const alertReply = z
  .object({
    object: z.literal('alert'),
    id: z.string().meta({ format: 'uuid' }),
    kind: z.enum(['credit_threshold', 'unusual_spend']),
    level: z.literal(LEVELS).nullable().describe('In per cent; null for unusual spending.'),
    account: z.string().describe('The limit or balance, with its cycle where it has any.'),
    account_kind: z.enum(ALERTED_KINDS),
    api_key_id: z.string().nullable().describe('Null for what is not of one key.'),
    reason: z
      .enum(['posted', 'refused', 'spending'])
      .describe('`refused`: a call was refused, since what it may cost at most was not covered any more.'),
    used_usd: usd,
    limit_usd: z.string().describe('Decimal USD, exact. For unusual spending, what is usual for a day of the key.'),
    asked_usd: z
      .string()
      .nullable()
      .describe('Decimal USD: the most that the refused call could have cost; null if none was refused.'),
    left_usd: z
      .string()
      .nullable()
      .describe('Decimal USD: what was left for it, beside what calls in flight held; null if that is not known.'),
    day: z.string().nullable().describe('Of unusual spending, in UTC.'),
    created_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'Alert', examples: [EXAMPLE] });
export type AlertObject = Readonly<z.input<typeof alertReply>>;

/** A page of alerts. */
export const alertListReply = listReply('AlertList', alertReply, EXAMPLE);
export type AlertList = Readonly<z.input<typeof alertListReply>>;

/** The settings of an organisation about its alerts. */
export const alertSettingsReply = z
  .object({
    object: z.literal('alert_settings'),
    levels: z.array(z.literal(LEVELS)).readonly(),
    emails: z.array(z.string()).readonly().describe('Who gets the mails besides the owners.'),
    unusual_spend: z.object({ enabled: z.boolean(), floor_usd: usd }),
  })
  .meta({
    id: 'AlertSettings',
    examples: [
      {
        object: 'alert_settings',
        levels: [80, 90, 100],
        emails: ['finance@example.com'],
        unusual_spend: { enabled: true, floor_usd: '1' },
      },
    ],
  });
export type AlertSettingsObject = Readonly<z.input<typeof alertSettingsReply>>;

/** An alert as a reply carries it. */
export function alertObject(alert: Alert): AlertObject {
  const isThreshold = alert.kind === 'credit_threshold';
  return {
    object: 'alert',
    id: alert.id,
    kind: alert.kind,
    level: isThreshold ? alert.level : null,
    account: alert.accountId,
    account_kind: kindOfAlertedAccount(alert.accountId),
    api_key_id: alert.apiKeyId,
    reason: isThreshold ? alert.reason : 'spending',
    used_usd: formatUsd(alert.usedNanoUsd),
    limit_usd: formatUsd(alert.limitNanoUsd),
    ...(isThreshold ? refusedCallOf(alert) : { asked_usd: null, left_usd: null }),
    day: isThreshold ? null : alert.day,
    created_at: alert.raisedAt.toISOString(),
  };
}

/** The settings as a reply carries them. */
export function alertSettingsObject(settings: AlertSettings): AlertSettingsObject {
  const { levels, emails, unusualSpend, unusualFloorNanoUsd } = settings;
  return {
    object: 'alert_settings',
    levels,
    emails,
    unusual_spend: { enabled: unusualSpend, floor_usd: formatUsd(unusualFloorNanoUsd) },
  };
}
