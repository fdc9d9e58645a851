import { Controller, Get, Inject, Query, UseGuards } from '@nestjs/common';
import { formatUsd } from '@tollgate/credit';
import { AdminGuard, parseQuery } from '@tollgate/http';
import { z } from 'zod';
import { ReadUsage } from '../read-usage/usage-totals.js';

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text)).nullable().default(null);
const usageQuery = z.strictObject({ api_key_id: z.uuid().nullable().default(null), from: moment, to: moment });

/** `GET /v1/usage`: what was used and charged, at most 2 s behind; of one key, or of all without `api_key_id`. */
@Controller('v1/usage')
@UseGuards(AdminGuard)
export class UsageController {
  constructor(@Inject(ReadUsage) private readonly readUsage: ReadUsage) {}

  @Get()
  async totals(@Query() query: unknown): Promise<object> {
    const { api_key_id: apiKeyId, from, to } = parseQuery(usageQuery, query);
    const { requests, inputTokens, outputTokens, chargedNanoUsd } = await this.readUsage.totals({ apiKeyId, from, to });
    return {
      object: 'usage',
      api_key_id: apiKeyId,
      totals: { requests, input_tokens: inputTokens, output_tokens: outputTokens, cost_usd: formatUsd(chargedNanoUsd) },
    };
  }
}
