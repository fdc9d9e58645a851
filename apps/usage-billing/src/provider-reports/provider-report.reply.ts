import { formatUsd } from '@tollgate/credit';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import { LIKELY_CAUSES, type ReportDifference, type SideSums } from './compare/compare-report.js';
import type { ProviderReport } from './provider-report-store.js';

const EXAMPLE = {
  object: 'provider_report',
  id: '0197a000-0000-7000-8000-000000000001',
  provider: 'openai',
  format: 'openai_costs',
  first_day: '2026-11-01',
  last_day: '2026-11-30',
  imported_at: '2026-12-02T08:00:00.000Z',
} as const;

const fields = {
  object: z.literal('provider_report'),
  id: z.uuid(),
  provider: z.string(),
  format: z.string(),
  first_day: z.string().meta({ format: 'date' }),
  last_day: z.string().meta({ format: 'date' }),
  imported_at: z.string().meta({ format: 'date-time' }),
};

const usd = z.string().nullable().describe('Decimal USD; null where the side does not say it.');
const count = z.int().min(0).nullable();
const side = z.object({ cost_usd: usd, input_tokens: count, output_tokens: count, requests: count });

const report = z.object(fields).meta({ id: 'ProviderReport', examples: [EXAMPLE] });

/** A report with its differences to the ledger. */
export const comparedReportReply = z
  .object({
    ...fields,
    provider_usd: usd.describe('What the report adds up to.'),
    ledger_usd: z.string().describe('What the ledger has as costs of the provider on these days.'),
    differences: z.array(
      z.object({
        day: z.string().meta({ format: 'date' }),
        model: z.string().nullable().describe('Without its build; null for what belongs to no model.'),
        provider: side,
        ledger: side,
        difference_usd: usd.describe('What the provider has more than the ledger.'),
        likely_cause: z.enum(LIKELY_CAUSES),
      }),
    ),
  })
  .meta({
    id: 'ComparedProviderReport',
    examples: [
      {
        ...EXAMPLE,
        provider_usd: '12.5',
        ledger_usd: '12',
        differences: [
          {
            day: '2026-11-29',
            model: 'gpt-4o-mini',
            provider: { cost_usd: '0.5', input_tokens: null, output_tokens: null, requests: null },
            ledger: { cost_usd: '0', input_tokens: 0, output_tokens: 0, requests: 0 },
            difference_usd: '0.5',
            likely_cause: 'calls_outside_tollgate',
          },
        ],
      },
    ],
  });
export type ComparedReportObject = z.input<typeof comparedReportReply>;

/** One page of reports. */
export const reportListReply = listReply('ProviderReportList', report, EXAMPLE);
export type ReportList = Readonly<z.input<typeof reportListReply>>;

export function reportObject(one: Omit<ProviderReport, 'rows'>): z.input<typeof report> {
  return {
    object: 'provider_report',
    id: one.id,
    provider: one.provider,
    format: one.format,
    first_day: one.firstDay,
    last_day: one.lastDay,
    imported_at: one.importedAt.toISOString(),
  };
}

export function differenceObject(one: ReportDifference): ComparedReportObject['differences'][number] {
  return {
    day: one.day,
    model: one.model,
    provider: sideObject(one.provider),
    ledger: sideObject(one.ledger),
    difference_usd: one.differenceNanoUsd === null ? null : formatUsd(one.differenceNanoUsd),
    likely_cause: one.likelyCause,
  };
}

function sideObject({ costNanoUsd, inputTokens, outputTokens, requests }: SideSums) {
  return {
    cost_usd: costNanoUsd === null ? null : formatUsd(costNanoUsd),
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    requests,
  };
}
