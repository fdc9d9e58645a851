import { isLedgerText } from '@tollgate/contracts';
import { newestFirst, Pages, pageQuery } from '@tollgate/http';
import { z } from 'zod';
import { JSON_FORMATS } from './read-report/json-reports.js';

/** 100,000 lines of a long name, with counts; the body of the route has room for it. */
const CSV_CHARACTERS_MAX = 12_000_000;

/** The body of `POST /v1/provider-reports`. */
export const importReportRequest = z
  .strictObject({
    provider: z
      .string()
      .min(1)
      .max(63)
      .refine(isLedgerText, 'must hold no NUL')
      .describe('The name of the provider in `config.yaml`, or of one that had calls on the days of the report.'),
    format: z
      .enum([...JSON_FORMATS, 'csv'])
      .describe('What the report is; see docs/statements.md for where each comes from.'),
    report: z
      .union([z.record(z.string(), z.unknown()), z.array(z.record(z.string(), z.unknown())).max(1_000)])
      .optional()
      .describe('For the formats of JSON: a page as the provider answers it, or an array of all pages.'),
    csv: z
      .string()
      .max(CSV_CHARACTERS_MAX)
      .optional()
      .describe('For the format `csv`: lines with the columns date, model, cost_usd, and what the docs name.'),
  })
  .superRefine(({ format, report, csv }, context) => {
    const [wanted, other] = format === 'csv' ? (['csv', report] as const) : (['report', csv] as const);
    if ((format === 'csv' ? csv : report) === undefined)
      context.addIssue({ code: 'custom', path: [wanted], message: `must be given with the format ${format}` });
    else if (other !== undefined)
      context.addIssue({
        code: 'custom',
        path: [wanted === 'csv' ? 'report' : 'csv'],
        message: `must be left out with the format ${format}`,
      });
  })
  .meta({
    id: 'ImportProviderReport',
    examples: [{ provider: 'openai', format: 'csv', csv: 'date,model,cost_usd\n2026-11-29,gpt-4o-mini,1.25\n' }],
  });
export type ImportReportRequest = z.output<typeof importReportRequest>;

/** The query of `GET /v1/provider-reports`. */
export const listReportsRequest = z.strictObject(pageQuery);
export type ListReportsRequest = z.output<typeof listReportsRequest>;

/** The path of one report. */
export const reportPath = z.object({ id: z.guid().toLowerCase().describe('The id of the report.') });
export type ReportPath = z.output<typeof reportPath>;

/** The list of reports, the newest import first. */
export const REPORT_PAGES = new Pages('provider_reports', newestFirst(z.uuid()));
