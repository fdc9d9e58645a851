import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { formatUsd } from '@tollgate/credit';
import { AdminGuard, OrganizationId, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { FindUsageEvent } from './read-usage/find-usage-event.js';
import { KnownKeys } from './read-usage/known-keys.js';
import { usageEventObject } from './read-usage/usage-event-object.js';
import { usageEventListReply, type UsageEventList } from './read-usage/usage-event.reply.js';
import { ReadUsage } from './read-usage/usage-totals.js';
import { usageReply, type UsageObject } from './read-usage/usage.reply.js';
import { usageEventsQuery, usageQuery, type UsageEventsQuery, type UsageQuery } from './usage.requests.js';

/** What an organisation, which `x-organization-id` names, used and was charged, at most 2 s behind. */
@Tag('Usage')
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
  @Operation({
    id: 'getUsage',
    summary: 'Sum up usage',
    description: 'Of one key or of all of an organisation, at most 2 s behind. The usage of deleted keys stays.',
  })
  @Replies(usageReply, { 200: 'The sums; zeros for a key that was never used.' })
  @Refuses('api_key_not_found')
  async totals(
    @OrganizationId() organizationId: string,
    @Query({ schema: usageQuery }) { api_key_id: apiKeyId, from, to }: UsageQuery,
  ): Promise<UsageObject> {
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
  @Operation({
    id: 'findUsageEvent',
    summary: 'Find what a request was charged',
    description:
      'A list of one. It is empty for a request that reached no provider or is not booked yet, and for an id that no ' +
      'request had.',
  })
  @Replies(usageEventListReply, { 200: 'The usage event of the request, or nothing.' })
  async events(
    @OrganizationId() organizationId: string,
    @Query({ schema: usageEventsQuery }) { request_id: requestId }: UsageEventsQuery,
  ): Promise<UsageEventList> {
    const event = await this.findUsageEvent.byRequestId(organizationId, requestId);
    return {
      object: 'list',
      data: event === null ? [] : [usageEventObject(event)],
      has_more: false,
      next_cursor: null,
    };
  }
}
