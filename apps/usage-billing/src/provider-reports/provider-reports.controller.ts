import { createHash, randomUUID } from 'node:crypto';
import { Body, Controller, Get, Inject, Param, Post, Query, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { formatUsd } from '@tollgate/credit';
import { listOf, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../ports.js';
import { compareReport, whatSays } from './compare/compare-report.js';
import {
  comparedReportReply,
  differenceObject,
  reportListReply,
  reportObject,
  type ComparedReportObject,
  type ReportList,
} from './provider-report.reply.js';
import { ProviderReportStore, type ProviderReport } from './provider-report-store.js';
import {
  importReportRequest,
  listReportsRequest,
  REPORT_PAGES,
  reportPath,
  type ImportReportRequest,
  type ListReportsRequest,
  type ReportPath,
} from './provider-reports.request.js';
import { readCsvReport } from './read-report/csv-report.js';
import { readJsonReport } from './read-report/json-reports.js';
import type { ReadReport } from './read-report/report-row.js';

/** Compares what providers report with what the ledger has. Reports span organisations, so they are the operator's. */
@Tag('Provider reports')
@Controller('v1/provider-reports')
@UseGuards(PrincipalGuard)
export class ProviderReportsController {
  constructor(
    private readonly store: ProviderReportStore,
    @Inject(USAGE_BILLING_SETTINGS) private readonly settings: UsageBillingSettings,
  ) {}

  @Post()
  @Operation({
    id: 'importProviderReport',
    summary: 'Compare a provider’s own report',
    description:
      'Usage and costs as OpenAI and Anthropic report them, or CSV. The same file is one import, however often it is ' +
      'sent. The reply has the differences by model and UTC day, each with its likely cause.',
  })
  @Replies(comparedReportReply, { 200: 'The report and its differences.' })
  async import(
    @Body({ schema: importReportRequest }) request: ImportReportRequest,
    @CurrentActor() actor: Actor,
  ): Promise<ComparedReportObject> {
    const { rows, firstDay, lastDay } = readOrRefuse(request);
    const { provider, format } = request;
    if (!(await this.isKnown(provider, firstDay, lastDay)))
      throw new Problem('invalid_request', {
        errors: [
          {
            path: 'provider',
            message: `must be a provider of config.yaml, or have calls from ${firstDay} to ${lastDay}`,
          },
        ],
      });
    const digest = createHash('sha256')
      .update(JSON.stringify([format, request.csv ?? request.report]))
      .digest();
    const id = await this.store.import({ id: randomUUID(), provider, format, firstDay, lastDay, rows }, digest, actor);
    return this.compared(await this.store.find(id));
  }

  @Get()
  @Operation({ id: 'listProviderReports', summary: 'List imported reports', description: 'The newest import first.' })
  @Replies(reportListReply, { 200: 'One page of reports.' })
  async list(@Query({ schema: listReportsRequest }) { cursor, limit }: ListReportsRequest): Promise<ReportList> {
    const asked = { organizationId: null };
    const listed = await this.store.list(limit + 1, REPORT_PAGES.positionOf(cursor, asked));
    const page = REPORT_PAGES.page(listed, limit, asked, ({ importedAtText, id }) => [importedAtText, id]);
    return listOf(page, reportObject);
  }

  @Get(':id')
  @Operation({
    id: 'getProviderReport',
    summary: 'Compare an imported report again',
    description: 'With what the ledger has now.',
  })
  @Replies(comparedReportReply, { 200: 'The report and its differences.' })
  @Refuses('provider_report_not_found')
  async one(@Param({ schema: reportPath }) { id }: ReportPath): Promise<ComparedReportObject> {
    return this.compared(await this.store.find(id));
  }

  /** A provider that the file does not name any more may have calls from before. Without a file all may be right. */
  private async isKnown(provider: string, firstDay: string, lastDay: string): Promise<boolean> {
    const { prices } = this.settings;
    if (prices === undefined || prices.providers.some(({ name }) => name === provider)) return true;
    return (await this.store.ledgerUsage(provider, firstDay, lastDay)).length > 0;
  }

  private async compared(report: ProviderReport | null): Promise<ComparedReportObject> {
    if (report === null) throw new Problem('provider_report_not_found');
    const { provider, format, firstDay, lastDay, rows } = report;
    const usage = await this.store.ledgerUsage(provider, firstDay, lastDay);
    const costs = rows.flatMap(({ costNanoUsd }) => (costNanoUsd === null ? [] : [costNanoUsd]));
    const says = whatSays(format, rows);
    return {
      ...reportObject(report),
      provider_usd: says.cost ? formatUsd(sum(costs)) : null,
      ledger_usd: formatUsd(sum(usage.map(({ costNanoUsd }) => costNanoUsd))),
      differences: compareReport(rows, usage, says).map(differenceObject),
    };
  }
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((all, each) => all + each, 0n);

function readOrRefuse({ format, report, csv }: ImportReportRequest): Exclude<ReadReport, { kind: 'invalid' }> {
  const read = format === 'csv' ? readCsvReport(csv ?? '') : readJsonReport(format, report);
  if (read.kind === 'rows') return read;
  throw new Problem('invalid_request', { errors: [{ path: read.field, message: read.message }] });
}
