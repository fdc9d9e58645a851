import { Controller, Get, Query, Res, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { OrganizationId, Problem, SerializedReply } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { QueryUsage, type UsageQuestion } from './query-usage/query-usage.js';
import { UsageExports } from './query-usage/usage-exports.js';
import { usageLines, type LineFormat, type NamedPage } from './query-usage/usage-lines.js';
import { UsageNames } from './query-usage/usage-names.js';
import { usageObject } from './query-usage/usage-object.js';
import { FindUsageEvent } from './read-usage/find-usage-event.js';
import { KnownIds, NOBODYS } from './read-usage/known-ids.js';
import { usageEventObject } from './read-usage/usage-event-object.js';
import { usageEventListReply, type UsageEventList } from './read-usage/usage-event.reply.js';
import { usageReply, type UsageObject } from './read-usage/usage.reply.js';
import { filtersOf, usageEventsQuery, usageQuery, type UsageEventsQuery, type UsageQuery } from './usage.requests.js';

/** Lines that are read at once: a slow client keeps no more in memory, and no transaction open. */
const LINES_PAGE = 1_000;

/** Shows usage and charges of the organisation that a request is about, at most 2 s behind. */
@Tag('Usage')
@Controller('v1/usage')
@UseGuards(PrincipalGuard)
export class UsageController {
  constructor(
    private readonly queryUsage: QueryUsage,
    private readonly names: UsageNames,
    private readonly exports: UsageExports,
    private readonly findUsageEvent: FindUsageEvent,
    private readonly knownIds: KnownIds,
  ) {}

  /**
   * Answers with sums, in the form that is asked for. Answers 404 for an id that is nobody's, so that a mistyped id
   * does not look like an unused key, group, project or member; the usage of what was deleted stays.
   */
  @Get()
  @Operation({
    id: 'getUsage',
    summary: 'Sum up usage',
    description:
      'Of one key or of all of an organisation, at most 2 s behind. The usage of deleted keys, groups and members stays, ' +
      'with their last known names. With `interval` also by minute, hour, day or month of a time zone; with `group_by` ' +
      'also by what is grouped by, the greatest first. The id of a key, a group, a project or a member that there is ' +
      'not, and of which nothing was ever used, is 404.',
  })
  @Replies(usageReply, { 200: 'The sums; zeros for what was never used.' }, ['text/csv', 'application/x-ndjson'])
  @Refuses('api_key_not_found', 'group_not_found', 'project_not_found', 'member_not_found')
  async totals(
    @OrganizationId() organizationId: string,
    @Query({ schema: usageQuery }) query: UsageQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UsageObject | SerializedReply> {
    const question: UsageQuestion = {
      organizationId,
      filters: filtersOf(query),
      groupBy: query.group_by,
      bounds: query.bounds,
      isSeries: query.interval !== null,
      order: query.order,
      limit: query.limit,
    };
    if (query.format !== 'json') {
      await this.demandIds(question);
      return this.lines(question, query.format, reply);
    }
    const answer = await this.queryUsage.answer(question);
    if (answer.totals.requests === 0) await this.demandIds(question);
    const nameOf = await this.names.of(
      organizationId,
      query.group_by,
      answer.groups.map(({ values }) => values),
    );
    return usageObject(query, answer, nameOf);
  }

  /**
   * What key-management does not know may have usage all the same, at whatever time: a deleted group, or nobody's key.
   * @throws {Problem} that says what there is not, for an id that is nobody's and was never used
   */
  private async demandIds(question: UsageQuestion): Promise<void> {
    for (const field of await this.knownIds.unknownOf(question.organizationId, question.filters)) {
      const ever = { bounds: [-Infinity, Infinity], groupBy: [], isSeries: false };
      const filters = { [field]: question.filters[field]! };
      const { totals } = await this.queryUsage.answer({ ...question, ...ever, filters });
      if (totals.requests === 0) throw new Problem(NOBODYS[field]);
    }
  }

  private lines(question: UsageQuestion, format: LineFormat, reply: FastifyReply): SerializedReply {
    const lines = usageLines(format, question, this.pages(question));
    const body = this.exports.begin(question.organizationId, lines);
    void reply
      .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson')
      .header('content-disposition', `attachment; filename="usage.${format}"`);
    return new SerializedReply(body);
  }

  private async *pages(question: UsageQuestion): AsyncGenerator<NamedPage> {
    for await (const buckets of this.queryUsage.rows(question, LINES_PAGE)) {
      const values = buckets.flatMap(({ groups }) => groups.map((group) => group.values));
      yield { buckets, nameOf: await this.names.of(question.organizationId, question.groupBy, values) };
    }
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
