import { listReply } from '@tollgate/http';
import { z } from 'zod';
import { formatUsd } from '@tollgate/credit';
import { totalsOf, type Statement } from './build/statement.js';
import { statementCycle } from './build/statement-cycle.js';

const moment = z.string().meta({ format: 'date-time' });
const count = z.int().min(0);
const usd = z.string().describe('Decimal USD, exact.');

const EXAMPLE = {
  object: 'statement',
  organization_id: 'default',
  cycle: '2026-11',
  period: { starts_at: '2026-11-01T00:00:00.000Z', ends_at: '2026-12-01T00:00:00.000Z' },
  status: 'issued',
  revision: 1,
  issued_at: '2026-12-01T02:00:04.512Z',
  currency: 'USD',
  totals: { requests: 3, usage_usd: '1.234500001', fees_usd: '0', total_usd: '1.234500001' },
} as const;

const sums = {
  object: z.literal('statement'),
  organization_id: z.string(),
  cycle: z.string().describe('The month in UTC, as `2026-11`.'),
  period: z.object({ starts_at: moment, ends_at: moment.describe('The first moment after it.') }),
  status: z
    .enum(['open', 'issued'])
    .describe('`open` while the month lasts, and until what was under way at its end is booked.'),
  revision: count.describe('1 for the first that was issued, 0 while it is open.'),
  issued_at: moment.nullable(),
  currency: z.literal('USD'),
  totals: z.object({
    requests: count,
    usage_usd: usd,
    fees_usd: usd.describe('Prices of subscriptions.'),
    total_usd: usd,
  }),
};

const statement = z
  .object({
    ...sums,
    organization_name: z.string().nullable(),
    lines: z
      .array(
        z.discriminatedUnion('kind', [
          z.object({
            kind: z.literal('usage'),
            api_key_id: z.string(),
            api_key_name: z.string().nullable().describe('The last name that is known; also of a deleted key.'),
            project_id: z.string().nullable(),
            provider: z.string(),
            model: z.string(),
            requests: count,
            input_tokens: count,
            output_tokens: count,
            amount_usd: usd,
          }),
          z.object({
            kind: z.literal('fee'),
            subscription_id: z.string(),
            description: z.string(),
            charged_at: moment.describe(
              'When it was booked. It counts in the month in which its cycle began, or its change of plan.',
            ),
            amount_usd: usd,
          }),
        ]),
      )
      .describe('They add up to `total_usd`, to the last nano-USD.'),
    included_usd: usd.describe('The part of the usage that quotas of subscriptions have paid for.'),
    due_usd: usd.describe('`total_usd` without what quotas and prepaid credit have paid for.'),
    credit: z
      .object({ opening_usd: usd, granted_usd: usd, expired_usd: usd, charged_usd: usd, closing_usd: usd })
      .nullable()
      .describe('Prepaid credit: opening + granted − expired − charged = closing. Null where there never was any.'),
  })
  .meta({
    id: 'Statement',
    examples: [
      {
        ...EXAMPLE,
        organization_name: 'Acme',
        lines: [
          {
            kind: 'usage',
            api_key_id: '0197a000-0000-7000-8000-000000000002',
            api_key_name: 'production',
            project_id: null,
            provider: 'openai',
            model: 'gpt-4o-mini',
            requests: 3,
            input_tokens: 6000000,
            output_tokens: 557500,
            amount_usd: '1.234500001',
          },
        ],
        included_usd: '0',
        due_usd: '1.234500001',
        credit: null,
      },
    ],
  });

const statementSums = z.object(sums).meta({ id: 'StatementSums', examples: [EXAMPLE] });

const statementList = listReply('StatementList', statementSums, EXAMPLE);
/** One statement, or a page of them. */
export const statementsReply = z
  .union([statement, statementList])
  .meta({ examples: [{ object: 'list', data: [EXAMPLE], has_more: false, next_cursor: null }] });
export type StatementObject = z.output<typeof statement>;
export type StatementSumsObject = z.output<typeof statementSums>;
export type StatementsReply = z.output<typeof statementsReply>;

/** What a list of statements has of one. */
export interface StatementSums extends Pick<
  Statement,
  'organizationId' | 'cycle' | 'status' | 'revision' | 'issuedAt'
> {
  readonly requests: number;
  readonly usageNanoUsd: bigint;
  readonly feesNanoUsd: bigint;
}

export function statementSumsObject(one: StatementSums): StatementSumsObject {
  const { startMs, endMs } = statementCycle(one.cycle)!;
  return {
    object: 'statement',
    organization_id: one.organizationId,
    cycle: one.cycle,
    period: { starts_at: new Date(startMs).toISOString(), ends_at: new Date(endMs).toISOString() },
    status: one.status,
    revision: one.revision,
    issued_at: one.issuedAt?.toISOString() ?? null,
    currency: 'USD',
    totals: {
      requests: one.requests,
      usage_usd: formatUsd(one.usageNanoUsd),
      fees_usd: formatUsd(one.feesNanoUsd),
      total_usd: formatUsd(one.usageNanoUsd + one.feesNanoUsd),
    },
  };
}

export function statementObject(one: Statement): StatementObject {
  const { credit, usage, fees } = one;
  const totals = totalsOf(one);
  return {
    ...statementSumsObject({ ...one, ...totals }),
    included_usd: formatUsd(one.includedNanoUsd),
    due_usd: formatUsd(totals.dueNanoUsd),
    organization_name: one.organizationName,
    lines: [
      ...usage.map((line) => ({
        kind: 'usage' as const,
        api_key_id: line.apiKeyId,
        api_key_name: line.apiKeyName,
        project_id: line.projectId,
        provider: line.provider,
        model: line.model,
        requests: line.requests,
        input_tokens: line.inputTokens,
        output_tokens: line.outputTokens,
        amount_usd: formatUsd(line.chargedNanoUsd),
      })),
      ...fees.map((line) => ({
        kind: 'fee' as const,
        subscription_id: line.subscriptionId,
        description: line.description,
        charged_at: line.chargedAt,
        amount_usd: formatUsd(line.amountNanoUsd),
      })),
    ],
    credit: credit && {
      opening_usd: formatUsd(credit.openingNanoUsd),
      granted_usd: formatUsd(credit.grantedNanoUsd),
      expired_usd: formatUsd(credit.expiredNanoUsd),
      charged_usd: formatUsd(credit.chargedNanoUsd),
      closing_usd: formatUsd(credit.closingNanoUsd),
    },
  };
}
