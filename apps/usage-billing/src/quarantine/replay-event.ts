import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { keyAccountId, limitOf, organizationAccountId } from '@tollgate/api-key';
import type { Actor } from '@tollgate/auth';
import type { UsageRecorded } from '@tollgate/contracts';
import { CLOCKS_APART_MS_MAX } from '@tollgate/credit';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { BookUsage } from '../ledger/book-usage/book-usage.js';
import { readBooked } from '../ledger/book-usage/conflicts.js';
import { momentOfId } from '../ledger/book-usage/implausible-event.js';
import { readUsageRecord, type Poison } from '../ledger/book-usage/read-usage-record.js';
import { unavailable } from '../unavailable.js';
import { correctionOf, movedId, type BookedUsage } from './correction.js';
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
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'closeEpoch'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Books an event as any other one, in the transaction that marks it. What is wrong with it still is checked.
   * @throws {Problem} `event_not_bookable` with the reason; `quarantine_already_decided` if it was discarded, or
   * replayed in another way, also meanwhile
   */
  async replay(event: QuarantinedEvent, { keep, mend }: ReplayRequest, actor: Actor): Promise<void> {
    if (event.state === 'discarded') throw alreadyDecided(event);
    if ((keep !== undefined) !== (event.cause === 'conflict'))
      throw fault('keep', event.cause === 'conflict' ? 'must say which content counts' : 'is for conflicts alone');
    const decision: QuarantineDecision = {
      ...(keep !== undefined && { keep }),
      ...(mend !== undefined && { mended: Object.keys(mend).sort() }),
    };
    if (event.state === 'replayed') return checkSame(event, decision);
    const verdict: Verdict = { state: 'replayed', decision, actor, ...(mend !== undefined && { mended: mend }) };
    if (keep === 'first') await this.decideAlone(event, verdict);
    else if (keep === 'second') await this.correct(event, mend, verdict);
    else await this.book(event, textOf(event, mend), verdict);
    const decided = await this.events.find(event.id);
    if (decided !== null) checkSame(decided, decision);
    this.logger.info(
      { quarantineId: event.id, requestId: event.requestId, decision },
      'a quarantined event was replayed',
    );
  }

  /**
   * @throws {Problem} `quarantine_already_decided` if it was replayed
   * @throws {UnavailableError} if admission cannot be reached
   */
  async discard(event: QuarantinedEvent, reason: string, actor: Actor): Promise<void> {
    if (event.state === 'replayed') throw alreadyDecided(event);
    if (event.state === 'discarded') return;
    await this.decideAlone(event, { state: 'discarded', decision: { reason }, actor });
    this.logger.info({ quarantineId: event.id, requestId: event.requestId }, 'a quarantined event was discarded');
  }

  /**
   * Decides that nothing of an event is booked. Its gateway may have settled its hold in admission: the epoch is
   * closed, so that the next one has what the ledger has.
   */
  private async decideAlone(event: QuarantinedEvent, verdict: Verdict): Promise<void> {
    const { organizationId } = event;
    if (organizationId !== null) await this.admission.closeEpoch(organizationId).catch(unavailable('Admission'));
    await this.events.decideAlone(event, verdict);
  }

  /** `replayed` are the ids of what was replayed of the request, as far as the text follows from them. */
  private async book(
    event: QuarantinedEvent,
    text: string,
    verdict: Verdict,
    replayed: readonly string[] | null = null,
  ): Promise<void> {
    const mark = async (manager: EntityManager, bookedAs: string): Promise<boolean> => {
      const known = event.requestId === null ? [] : await this.events.lockReplayed(manager, event.requestId);
      if (replayed !== null && known.join() !== replayed.join()) throw new Overtaken();
      // What is booked under the id of the request itself is seen by that id.
      if (replayed === null && bookedAs.toLowerCase() !== event.requestId && known.length > 0)
        throw new Problem('event_not_bookable', { detail: 'the request is booked already' });
      return this.events.decide(manager, event, {
        ...verdict,
        decision: { ...verdict.decision, booked_as: bookedAs },
      });
    };
    const poison = await this.bookUsage.bookAgain(text, mark);
    if (poison !== null) throw notBookable(poison);
  }

  /**
   * Books what the second content has more than is booked of its request, corrections of before included. Of two that
   * are made at once the later one is worked out again.
   */
  private async correct(event: QuarantinedEvent, mend: ReplayRequest['mend'], verdict: Verdict): Promise<void> {
    for (;;) {
      const { text, replayed } = await this.corrected(event, mend);
      try {
        return await this.book(event, text, verdict, replayed);
      } catch (err) {
        if (!(err instanceof Overtaken)) throw err;
      }
    }
  }

  private async corrected(
    event: QuarantinedEvent,
    mend: ReplayRequest['mend'],
  ): Promise<{ readonly text: string; readonly replayed: readonly string[] }> {
    const record = readUsageRecord({ offset: 0n, part: 0, key: null, value: textOf(event, mend) });
    if (record.kind === 'poison') throw notBookable(record);
    const { booked, replayed } = await this.bookedOf(record.event);
    const correction = correctionOf(booked, record.event, event.id);
    if (correction === null)
      throw new Problem('event_not_bookable', {
        detail:
          'chargeNanoUsd: must not be less than what is booked, which stays; give the organisation credit instead',
      });
    return { text: JSON.stringify(correction), replayed };
  }

  /** What is booked of a request for the key of this event, and under which other ids. */
  private async bookedOf({
    requestId,
    apiKeyId,
  }: UsageRecorded): Promise<{ readonly booked: BookedUsage; readonly replayed: readonly string[] }> {
    const id = requestId.toLowerCase();
    const { rows, replayed } = await this.database.acrossOrganizations(async (manager) => {
      const replayed = await this.events.lockReplayed(manager, id);
      return { rows: await readBooked(manager, [...new Set([id, ...replayed])]), replayed };
    });
    if (rows.every((row) => row['request_id'] !== id))
      throw new Problem('event_not_bookable', { detail: 'the booked content is no longer kept' });
    const ofKey = rows.filter((row) => row['api_key_id'] === apiKeyId);
    const number = (column: string): number => ofKey.reduce((sum, row) => sum + Number(row[column]), 0);
    const amount = (column: string): bigint => ofKey.reduce((sum, row) => sum + BigInt(row[column] as string), 0n);
    const booked = {
      inputTokens: number('input_tokens'),
      outputTokens: number('output_tokens'),
      cachedInputTokens: number('cached_input_tokens'),
      reasoningTokens: number('reasoning_tokens'),
      costNanoUsd: amount('cost_nano_usd'),
      chargeNanoUsd: amount('charge_nano_usd'),
    };
    return { booked, replayed };
  }
}

/** Takes back the transaction of a correction that does not know of another one. */
class Overtaken extends Error {}

/**
 * The event's text with the values that mend it. Its request stays the same, unless its id is of another time than the
 * start that is given: partitions follow from the id, and a clock that was wrong made both.
 */
function textOf({ text, isCut, requestId }: QuarantinedEvent, mend: ReplayRequest['mend']): string {
  if (isCut) throw new Problem('event_not_bookable', { detail: 'the text was too long to be kept whole' });
  if (mend === undefined) return text;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Problem('event_not_bookable', { detail: 'the text is not JSON, so it has no fields to mend' });
  }
  return JSON.stringify({
    ...(content as object),
    ...withOwnAccounts(content as Partial<UsageRecorded>, mend),
    ...mend,
    ...(requestId !== null && { requestId: idAt(requestId, mend.startedAt) }),
  });
}

/** The accounts with those of another key or organisation in place of the event's own, where these are mended. */
function withOwnAccounts(
  { accounts, apiKeyId, organizationId }: Partial<UsageRecorded>,
  mend: NonNullable<ReplayRequest['mend']>,
): Partial<UsageRecorded> {
  if (!Array.isArray(accounts)) return {};
  const moved = (text: string): string => {
    const limit = limitOf(text);
    if (mend.apiKeyId !== undefined && limit === keyAccountId(apiKeyId ?? ''))
      return keyAccountId(mend.apiKeyId) + text.slice(limit.length);
    if (mend.organizationId !== undefined && limit === organizationAccountId(organizationId ?? ''))
      return organizationAccountId(mend.organizationId) + text.slice(limit.length);
    return text;
  };
  return {
    accounts: accounts.map((account) =>
      typeof account?.accountId === 'string' ? { ...account, accountId: moved(account.accountId) } : account,
    ),
  };
}

function idAt(requestId: string, startedAt: string | undefined): string {
  const madeMs = momentOfId(requestId);
  const startMs = startedAt === undefined ? null : Date.parse(startedAt);
  if (madeMs === null || startMs === null || Math.abs(madeMs - startMs) <= CLOCKS_APART_MS_MAX) return requestId;
  return movedId(requestId, startMs);
}

/** Throws where another decision was made about the event than this one. */
function checkSame(event: QuarantinedEvent, { keep, mended }: QuarantineDecision): void {
  const made = event.state === 'replayed' ? event.decision : null;
  if (made === null || made['keep'] !== keep || !isDeepStrictEqual(made['mended'], mended)) throw alreadyDecided(event);
}

const notBookable = ({ reason }: Poison): Problem => new Problem('event_not_bookable', { detail: reason });
const alreadyDecided = ({ state }: QuarantinedEvent): Problem =>
  new Problem('quarantine_already_decided', { detail: `The event was ${state}.` });
const fault = (path: string, message: string): Problem =>
  new Problem('invalid_request', { errors: [{ path, message }] });
