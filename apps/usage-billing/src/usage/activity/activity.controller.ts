import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { OrganizationId } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { QueryUsage } from '../query-usage/query-usage.js';
import { activityItems, activityReply, type ActivityItem } from './activity.reply.js';
import { activityQuery, type ActivityQuery } from './activity.request.js';

/** Groups that are read at once. */
const PAGE = 1_000;

/** What an organisation used on the last days, as at OpenRouter. */
@Tag('Usage')
@Controller('api/v1/activity')
@UseGuards(PrincipalGuard)
export class ActivityController {
  constructor(private readonly usage: QueryUsage) {}

  @Get()
  @Operation({
    id: 'getOpenRouterActivity',
    summary: 'Show the usage of the last 30 days, as at OpenRouter',
    description:
      'Of each UTC day that is over, model and provider, the newest day first. `GET /v1/usage` has exact amounts, any period, and the present day.',
  })
  @Replies(activityReply, { 200: 'The usage by day, model and provider; no item for what was not used.' })
  async activity(
    @OrganizationId() organizationId: string,
    @Query({ schema: activityQuery }) { bounds, apiKeyId, memberId }: ActivityQuery,
  ): Promise<{ data: ActivityItem[] }> {
    const days: ActivityItem[][] = [];
    const question = {
      organizationId,
      filters: {
        ...(apiKeyId !== undefined && { api_key_id: apiKeyId }),
        ...(memberId !== undefined && { member_id: memberId }),
      },
      groupBy: ['model', 'provider'],
      bounds,
      isSeries: true,
      order: 'cost_usd',
      limit: PAGE,
    } as const;
    for await (const buckets of this.usage.rows(question, PAGE)) {
      for (const bucket of buckets) {
        const items = activityItems(bucket);
        // A day with many groups comes in several pages.
        if (days[0]?.[0]?.date === items[0]?.date) days[0]?.push(...items);
        else days.unshift(items);
      }
    }
    return { data: days.flat() };
  }
}
