import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { formatUsd } from '@tollgate/credit';
import { PrincipalGuard } from '@tollgate/auth';
import { OrganizationId, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { FindUsageEvent } from './read-usage/find-usage-event.js';
import { KnownKeys } from './read-usage/known-keys.js';
import { usageEventObject } from './read-usage/usage-event-object.js';
import { usageEventListReply, type UsageEventList } from './read-usage/usage-event.reply.js';
import { ReadUsage } from './read-usage/usage-totals.js';
import { usageReply, type UsageObject } from './read-usage/usage.reply.js';
import { usageEventsQuery, usageQuery, type UsageEventsQuery, type UsageQuery } from './usage.requests.js';

/** Shows usage and charges of the organisation that a request is about, at most 2 s behind. */
@Tag('Usage')
@Controller('v1/usage')
@UseGuards(PrincipalGuard)
export class UsageController {
  constructor(
    private readonly readUsage: ReadUsage,
    private readonly findUsageEvent: FindUsageEvent,
    private readonly knownKeys: KnownKeys,
  ) {}

  /**
   * Answers with the sums of one key, or of all keys of the organisation if `api_key_id` is absent. Answers 404 for an
   * id that no key ever had, so that a mistyped id does not look like an unused key; the usage of a deleted key stays.
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
   * Answers with the usage event of one request, as a list of one. The list is empty if the request reached no provider
   * or is not booked yet, and for an id that no request had; the ledger cannot tell these apart.
   */
  @Get('events')
  @Operation({
    id: 'findUsageEvent',
    summary: 'Find what a request was charged',
    description:
      'A list of one. It is empty for a request that reached no provider or is not booked yet, for an id that no request ' +
      'had, and where the month of the request is older than the operator keeps single events.',
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
