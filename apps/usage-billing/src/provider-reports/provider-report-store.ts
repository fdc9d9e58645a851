import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { momentText, ServiceDatabase } from '@tollgate/postgres';
import { AuditRecords, type AuditRecord } from '../audit/audit-records.js';
import type { LedgerUsage } from './compare/compare-report.js';
import type { ReportRow } from './read-report/report-row.js';

/** A report that was imported. */
export interface ProviderReport {
  readonly id: string;
  /** The provider's name in the configuration. */
  readonly provider: string;
  readonly format: string;
  /** The first and the last day of its lines. */
  readonly firstDay: string;
  readonly lastDay: string;
  readonly importedAt: Date;
  readonly rows: readonly ReportRow[];
}

/** A report in a list, with the exact text of its moment. */
export type ListedReport = Omit<ProviderReport, 'rows'> & { readonly importedAtText: string };

interface ReportRecord {
  report_id: string;
  provider: string;
  format: string;
  first_day: string;
  last_day: string;
  imported_at: Date;
}

interface StoredRow extends Omit<ReportRow, 'costNanoUsd'> {
  readonly costNanoUsd: string | null;
}

interface UsageRow {
  day: string;
  model: string;
  cost: string;
  input_tokens: string;
  output_tokens: string;
  requests: string;
  unpriced: string;
}

const COLUMNS = 'report_id, provider, format, first_day::text, last_day::text, imported_at';

/** Reports of providers, which span organisations. */
@Injectable()
export class ProviderReportStore {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditRecords,
  ) {}

  /**
   * Stores a report under the digest of its file, and resolves with its id: the same file is one import, however often
   * it is sent. Index: provider_report_once.
   */
  async import(report: Omit<ProviderReport, 'importedAt'>, digest: Buffer, actor: Actor): Promise<string> {
    const id = await this.database.acrossOrganizations(async (manager) => {
      const rows = await manager.query<{ report_id: string }[]>(
        `WITH added AS (
           INSERT INTO billing.provider_report (report_id, provider, format, digest, first_day, last_day, rows)
           VALUES ($1, $2, $3, $4, $5::date, $6::date, $7)
           ON CONFLICT (provider, digest) DO NOTHING RETURNING report_id)
         SELECT report_id FROM added
         UNION ALL SELECT report_id FROM billing.provider_report WHERE provider = $2 AND digest = $4 LIMIT 1`,
        [
          report.id,
          report.provider,
          report.format,
          digest,
          report.firstDay,
          report.lastDay,
          JSON.stringify(report.rows.map((row) => ({ ...row, costNanoUsd: row.costNanoUsd?.toString() ?? null }))),
        ],
      );
      if (rows[0]?.report_id === report.id) await this.audit.add(manager, importOf(report, actor));
      return rows[0]?.report_id;
    });
    this.audit.announced();
    // Another import of the same file that has committed meanwhile is not in the snapshot of the statement.
    return id ?? this.import(report, digest, actor);
  }

  /** Null if there is none. Index: provider_report_pk. */
  async find(id: string): Promise<ProviderReport | null> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<(ReportRecord & { rows: StoredRow[] })[]>(
        `SELECT ${COLUMNS}, rows FROM billing.provider_report WHERE report_id = $1`,
        [id],
      ),
    );
    const row = rows[0];
    return row === undefined
      ? null
      : {
          ...reportOf(row),
          rows: row.rows.map((each) => ({
            ...each,
            costNanoUsd: each.costNanoUsd === null ? null : BigInt(each.costNanoUsd),
          })),
        };
  }

  /** The newest first, after a position. Index: provider_report_by_time. */
  async list(limit: number, after: readonly [string, string] | null): Promise<ListedReport[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<(ReportRecord & { imported_at_text: string })[]>(
        `SELECT ${COLUMNS}, ${momentText('imported_at')} AS imported_at_text FROM billing.provider_report
         WHERE $1::timestamptz IS NULL OR (imported_at, report_id) < ($1, $2::uuid)
         ORDER BY imported_at DESC, report_id DESC LIMIT $3`,
        [after?.[0] ?? null, after?.[1] ?? null, limit],
      ),
    );
    return rows.map((row) => ({ ...reportOf(row), importedAtText: row.imported_at_text }));
  }

  /**
   * What the ledger has of a provider's models on these days, over all organisations. Costs are what the provider
   * charges, so mark-ups are not in them and the platform's loss is. Indexes:
   * usage_dimension_by_grain, usage_day_by_organization.
   */
  async ledgerUsage(provider: string, firstDay: string, lastDay: string): Promise<LedgerUsage[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<UsageRow[]>(LEDGER_USAGE, [provider, firstDay, lastDay]),
    );
    return rows.map((row) => ({
      day: row.day,
      model: row.model,
      costNanoUsd: BigInt(row.cost),
      inputTokens: Number(row.input_tokens),
      outputTokens: Number(row.output_tokens),
      requests: Number(row.requests),
      unpricedRequests: Number(row.unpriced),
    }));
  }
}

/** Reports span organisations, so their import stands in the trail of the installation. */
const importOf = (report: Omit<ProviderReport, 'importedAt'>, actor: Actor): AuditRecord => ({
  organizationId: null,
  actor,
  action: 'provider_report.imported',
  target: { type: 'provider_report', id: report.id },
  before: null,
  after: {
    provider: report.provider,
    format: report.format,
    first_day: report.firstDay,
    last_day: report.lastDay,
    lines: report.rows.length,
  },
});

const LEDGER_USAGE = `
  SELECT to_char(u.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, d.model, sum(u.cost_nano_usd) AS cost,
    sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens, sum(u.requests) AS requests,
    coalesce(sum(u.unpriced_requests), 0) AS unpriced
  FROM billing.usage_dimension AS d JOIN billing.usage_day AS u USING (dimension_id)
  WHERE d.grain = 'models' AND d.provider = $1 AND u.at >= $2::date::timestamp AT TIME ZONE 'UTC'
    AND u.at < ($3::date + 1)::timestamp AT TIME ZONE 'UTC'
  GROUP BY 1, 2`;

function reportOf(row: ReportRecord): Omit<ProviderReport, 'rows'> {
  return {
    id: row.report_id,
    provider: row.provider,
    format: row.format,
    firstDay: row.first_day,
    lastDay: row.last_day,
    importedAt: row.imported_at,
  };
}
