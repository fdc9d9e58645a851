import { Body, Controller, Get, Param, Post, Query, UseGuards, UseInterceptors } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { listOf, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { UnavailableInterceptor } from '../unavailable.interceptor.js';
import {
  quarantinedContentObject,
  quarantinedContentReply,
  quarantinedEventObject,
  quarantineListReply,
  type QuarantinedContentObject,
  type QuarantineList,
} from './quarantine.reply.js';
import {
  discardRequest,
  listQuarantineRequest,
  QUARANTINE_PAGES,
  quarantinePath,
  replayRequest,
  type DiscardRequest,
  type ListQuarantineRequest,
  type QuarantinePath,
  type ReplayRequest,
} from './quarantine.request.js';
import { QuarantinedEvents, type QuarantinedEvent } from './quarantined-events.js';
import { ReplayEvent } from './replay-event.js';

/** Usage events that are not booked: the operator looks at them, replays or discards them. */
@Tag('Quarantine')
@Controller('v1/quarantine')
@UseGuards(PrincipalGuard)
@UseInterceptors(UnavailableInterceptor)
export class QuarantineController {
  constructor(
    private readonly events: QuarantinedEvents,
    private readonly replays: ReplayEvent,
  ) {}

  @Get()
  @Operation({
    id: 'listQuarantinedEvents',
    summary: 'List usage events that are not booked',
    description: 'Newest first, of all organisations.',
  })
  @Replies(quarantineListReply, { 200: 'One page of events.' })
  async list(
    @Query({ schema: listQuarantineRequest }) { limit, cursor, ...filters }: ListQuarantineRequest,
  ): Promise<QuarantineList> {
    const asked = { organizationId: null, filters };
    const [before = null] = QUARANTINE_PAGES.positionOf(cursor, asked) ?? [];
    const page = QUARANTINE_PAGES.page(
      await this.events.list(filters, before, limit + 1),
      limit,
      asked,
      (event): [string] => [event.id],
    );
    return listOf(page, quarantinedEventObject);
  }

  @Get(':id')
  @Operation({ id: 'getQuarantinedEvent', summary: 'Show an event that is not booked, with its content' })
  @Replies(quarantinedContentReply, { 200: 'The event. Secrets of keys are masked.' })
  async one(@Param({ schema: quarantinePath }) { id }: QuarantinePath): Promise<QuarantinedContentObject> {
    return quarantinedContentObject(await this.found(id));
  }

  @Post(':id/replay')
  @Operation({
    id: 'replayQuarantinedEvent',
    summary: 'Book an event that is not booked',
    description:
      'As it is, with values that mend it, or with the content of a conflict that counts. It is checked as any other ' +
      'event, and booked once: a replay that is repeated changes nothing.',
  })
  @Refuses('event_not_bookable', 'quarantine_already_decided', 'service_unavailable')
  @Replies(quarantinedContentReply, { 200: 'The event, which is booked now.' })
  async replay(
    @Param({ schema: quarantinePath }) { id }: QuarantinePath,
    @Body({ schema: replayRequest }) request: ReplayRequest,
    @CurrentActor() actor: Actor,
  ): Promise<QuarantinedContentObject> {
    await this.replays.replay(await this.found(id), request, actor);
    return quarantinedContentObject(await this.found(id));
  }

  @Post(':id/discard')
  @Operation({
    id: 'discardQuarantinedEvent',
    summary: 'Decide that an event is never booked',
    description: 'It stays in the list, with the reason.',
  })
  @Refuses('quarantine_already_decided', 'service_unavailable')
  @Replies(quarantinedContentReply, { 200: 'The event, which is discarded now.' })
  async discard(
    @Param({ schema: quarantinePath }) { id }: QuarantinePath,
    @Body({ schema: discardRequest }) { reason }: DiscardRequest,
    @CurrentActor() actor: Actor,
  ): Promise<QuarantinedContentObject> {
    await this.replays.discard(await this.found(id), reason, actor);
    return quarantinedContentObject(await this.found(id));
  }

  private async found(id: string): Promise<QuarantinedEvent> {
    const event = await this.events.find(id);
    if (event === null) throw new Problem('quarantined_event_not_found');
    return event;
  }
}
