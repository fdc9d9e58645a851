import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { formatUsd } from '@tollgate/credit';
import { AdminGuard, OrganizationId, parseQuery, Problem } from '@tollgate/http';
import { FindUsageEvent } from './read-usage/find-usage-event.js';
import { KnownKeys } from './read-usage/known-keys.js';
import { usageEventObject, type UsageEventObject } from './read-usage/usage-event-object.js';
import { ReadUsage } from './read-usage/usage-totals.js';
import { usageEventsQuery, usageQuery } from './usage.requests.js';

/** What an organisation, which `x-organization-id` names, used and was charged, at most 2 s behind. */
@Controller('v1/usage')
@UseGuards(AdminGuard)
export class UsageController {
  constructor(
    private readonly readUsage: ReadUsage,
    private readonly findUsageEvent: FindUsageEvent,
    private readonly knownKeys: KnownKeys,
  ) {}

  /**
   * Sums of one key, or of all of the organisation without `api_key_id`. 404 for an id that no key ever had, so that a
   * mistyped id does not read as a key that is not used; the usage of a deleted key stays.
   */
  @Get()
  async totals(@OrganizationId() organizationId: string, @Query() query: unknown): Promise<object> {
    const { api_key_id: apiKeyId, from, to } = parseQuery(usageQuery, query);
    const { requests, inputTokens, outputTokens, chargedNanoUsd } = await this.readUsage.totals({
      organizationId,
      apiKeyId,
      from,
      to,
    });
    if (apiKeyId !== null && requests === 0 && (await this.knownKeys.isNobodys(organizationId, apiKeyId)))
      throw new Problem('api_key_not_found');
    return {
      object: 'usage',
      api_key_id: apiKeyId,
      totals: { requests, input_tokens: inputTokens, output_tokens: outputTokens, cost_usd: formatUsd(chargedNanoUsd) },
    };
  }

  /**
   * The usage event of one request: a list of one. The list is empty for a request that reached no provider, or is not
   * booked yet, and for an id that no request had; the ledger does not know which.
   */
  @Get('events')
  async events(
    @OrganizationId() organizationId: string,
    @Query() query: unknown,
  ): Promise<{ object: 'list'; data: UsageEventObject[]; has_more: false; next_cursor: null }> {
    const { request_id: requestId } = parseQuery(usageEventsQuery, query);
    const event = await this.findUsageEvent.byRequestId(organizationId, requestId);
    return {
      object: 'list',
      data: event === null ? [] : [usageEventObject(event)],
      has_more: false,
      next_cursor: null,
    };
  }
}
