import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { UsageRecorded } from '@tollgate/contracts';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { BookUsage } from '../ledger/book-usage/book-usage.js';
import { readBooked } from '../ledger/book-usage/conflicts.js';
import { readUsageRecord, type Poison } from '../ledger/book-usage/read-usage-record.js';
import { correctionOf, type BookedUsage } from './correction.js';
import type { ReplayRequest } from './quarantine.request.js';
import {
  QuarantinedEvents,
  type QuarantineDecision,
  type QuarantinedEvent,
  type Verdict,
} from './quarantined-events.js';

/** Decides about quarantined events. Each is decided about once; the same decision again changes nothing. */
@Injectable()
export class ReplayEvent {
  constructor(
    private readonly events: QuarantinedEvents,
    private readonly bookUsage: BookUsage,
    private readonly database: ServiceDatabase,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Books an event as any other one, in the transaction that marks it. What is wrong with it still is checked.
   * @throws {Problem} `event_not_bookable` with the reason; `quarantine_already_decided` if it was discarded
   */
  async replay(event: QuarantinedEvent, { keep, mend }: ReplayRequest, actor: Actor): Promise<void> {
    if (event.state === 'replayed') return;
    if (event.state === 'discarded') throw alreadyDecided(event);
    if ((keep !== undefined) !== (event.cause === 'conflict'))
      throw fault('keep', event.cause === 'conflict' ? 'must say which content counts' : 'is for conflicts alone');
    const decision: QuarantineDecision = {
      ...(keep !== undefined && { keep }),
      ...(mend !== undefined && { mended: Object.keys(mend).sort() }),
    };
    const verdict: Verdict = { state: 'replayed', decision, actor, ...(mend !== undefined && { mended: mend }) };
    if (keep === 'first') await this.events.decideAlone(event, verdict);
    else await this.book(event, keep === 'second' ? await this.corrected(event, mend) : textOf(event, mend), verdict);
    this.logger.info(
      { quarantineId: event.id, requestId: event.requestId, decision },
      'a quarantined event was replayed',
    );
  }

  /** @throws {Problem} `quarantine_already_decided` if it was replayed */
  async discard(event: QuarantinedEvent, reason: string, actor: Actor): Promise<void> {
    if (event.state === 'replayed') throw alreadyDecided(event);
    if (event.state === 'discarded') return;
    await this.events.decideAlone(event, { state: 'discarded', decision: { reason }, actor });
    this.logger.info({ quarantineId: event.id, requestId: event.requestId }, 'a quarantined event was discarded');
  }

  private async book(event: QuarantinedEvent, text: string, verdict: Verdict): Promise<void> {
    const mark = (manager: EntityManager, requestId: string): Promise<boolean> =>
      this.events.decide(manager, event, { ...verdict, decision: { ...verdict.decision, booked_as: requestId } });
    const poison = await this.bookUsage.bookAgain(text, mark);
    if (poison !== null) throw new Problem('event_not_bookable', { detail: poison.reason });
  }

  /** The text of the event that books what the second content has more. */
  private async corrected(event: QuarantinedEvent, mend: ReplayRequest['mend']): Promise<string> {
    const record = readUsageRecord({ offset: 0n, part: 0, key: null, value: textOf(event, mend) });
    if (record.kind === 'poison') throw notBookable(record);
    const booked = await this.bookedOf(record.event);
    if (booked === null) throw new Problem('event_not_bookable', { detail: 'the booked content is no longer kept' });
    const correction = correctionOf(booked, record.event, event.id);
    if (correction === null)
      throw new Problem('event_not_bookable', {
        detail:
          'chargeNanoUsd: must not be less than what is booked, which stays; give the organisation credit instead',
      });
    return JSON.stringify(correction);
  }

  private async bookedOf({ requestId }: UsageRecorded): Promise<BookedUsage | null> {
    const [row] = await this.database.acrossOrganizations((manager) => readBooked(manager, [requestId]));
    if (row === undefined) return null;
    const number = (column: string): number => Number(row[column]);
    return {
      apiKeyId: row['api_key_id'] as string,
      inputTokens: number('input_tokens'),
      outputTokens: number('output_tokens'),
      cachedInputTokens: number('cached_input_tokens'),
      reasoningTokens: number('reasoning_tokens'),
      costNanoUsd: BigInt(row['cost_nano_usd'] as string),
      chargeNanoUsd: BigInt(row['charge_nano_usd'] as string),
    };
  }
}

/** The event's text with the values that mend it. Its request stays the same. */
function textOf({ text, isCut, requestId }: QuarantinedEvent, mend: ReplayRequest['mend']): string {
  if (isCut) throw new Problem('event_not_bookable', { detail: 'the text was too long to be kept whole' });
  if (mend === undefined) return text;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Problem('event_not_bookable', { detail: 'the text is not JSON, so it has no fields to mend' });
  }
  return JSON.stringify({ ...(content as object), ...mend, ...(requestId !== null && { requestId }) });
}

const notBookable = ({ reason }: Poison): Problem => new Problem('event_not_bookable', { detail: reason });
const alreadyDecided = ({ state }: QuarantinedEvent): Problem =>
  new Problem('quarantine_already_decided', { detail: `The event was ${state}.` });
const fault = (path: string, message: string): Problem =>
  new Problem('invalid_request', { errors: [{ path, message }] });
