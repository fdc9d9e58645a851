import { Inject, Injectable, Optional } from '@nestjs/common';
import { KEY_MANAGEMENT_API, type KeyManagementApi, type UsageRecorded } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { groupedBy } from '../../grouped-by.js';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../../ports.js';
import { implausible, monthsBefore } from './implausible-event.js';
import { implausibleRecord, type UsageRecord } from './read-usage-record.js';

/** Partitions are made for months up to this many back, so older events have none. */
const MONTHS_KEPT_DEFAULT = 24;
/** Keys that are remembered as known; about 100 bytes each. Beyond that all are asked again. */
const REMEMBERED_MAX = 100_000;
/** The most ids of one question to key-management. */
const ASKED_MAX = 1_000;
/** After key-management could not be asked, keys count as known for this long: bookings do not wait for it. */
const ASK_AGAIN_MS = 10_000;

/**
 * Decides which events reach the ledger: not those that cannot be true, nor those of keys that nobody has.
 *
 * A gateway has identified each caller, so nearly every key is known. A key that was booked before is known from the
 * ledger, and then from memory; about any other, key-management is asked once, for a whole batch at a time and before
 * the transaction begins. While it cannot be asked the events are booked: their calls were served, and are owed. Such
 * keys are noted, since what was booked of them says nothing of whether they exist: whichever process meets them next
 * asks.
 */
@Injectable()
export class ScreenEvents {
  private readonly known = new Set<string>();
  /** Keys that this process has noted as booked unasked. */
  private readonly noted = new Set<string>();
  private askAgainAt = -Infinity;
  private readonly monthsKept: number;

  constructor(
    private readonly database: ServiceDatabase,
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement: Pick<KeyManagementApi, 'knownKeys'> | undefined,
    @Inject(USAGE_BILLING_SETTINGS) { usageEventMonths = MONTHS_KEPT_DEFAULT }: UsageBillingSettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.monthsKept = usageEventMonths;
  }

  /** The records, with those as poison that must not be booked. Rejects if the database cannot be reached. */
  async screen(records: readonly UsageRecord[]): Promise<readonly UsageRecord[]> {
    const nowMs = this.nowMs();
    const window = { nowMs, fromMs: monthsBefore(nowMs, this.monthsKept) };
    const plausible = records.map((record): UsageRecord => {
      const fault = record.kind === 'event' ? implausible(record.event, window) : null;
      if (record.kind !== 'event' || fault === null) return record;
      return implausibleRecord(record.delivery, record.event, fault);
    });
    const unknown = await this.unknownOf(plausible);
    if (unknown.size === 0) return plausible;
    return plausible.map((record): UsageRecord => {
      if (record.kind !== 'event' || !unknown.has(nameOf(record.event))) return record;
      const { event, delivery } = record;
      const reason = 'apiKeyId: must be a key of organizationId, and is not';
      return { kind: 'poison', cause: 'unknown_key', delivery, event, field: 'apiKeyId', reason };
    });
  }

  /** Milliseconds since 1970. Tests about cycles to come have a clock of their own. */
  protected nowMs(): number {
    return Date.now();
  }

  /** The keys of these events that key-management does not know. */
  private async unknownOf(records: readonly UsageRecord[]): Promise<ReadonlySet<string>> {
    const unseen = new Map<string, UsageRecorded>();
    for (const record of records) {
      if (record.kind !== 'event') continue;
      const name = nameOf(record.event);
      if (!this.known.has(name)) unseen.set(name, record.event);
    }
    const { keyManagement } = this;
    if (unseen.size === 0 || keyManagement === undefined) return new Set();
    const unasked = new Map<string, UsageRecorded>();
    for (const { name, isUnasked } of await this.bookedBefore([...unseen.values()])) {
      const event = unseen.get(name);
      if (event === undefined) continue;
      if (isUnasked) unasked.set(name, event);
      else if (unseen.delete(name)) this.remember(name);
    }
    if (unseen.size === 0) return new Set();
    if (performance.now() < this.askAgainAt) return this.withoutAsking(unseen);
    try {
      for (const [organizationId, events] of groupedBy([...unseen.values()], (event) => event.organizationId)) {
        const apiKeyIds = events.map((event) => event.apiKeyId);
        for (let at = 0; at < apiKeyIds.length; at += ASKED_MAX)
          for (const id of await keyManagement.knownKeys(organizationId, apiKeyIds.slice(at, at + ASKED_MAX))) {
            const name = nameOf({ organizationId, apiKeyId: id });
            if (unseen.delete(name)) this.remember(name);
          }
      }
    } catch (err) {
      this.askAgainAt = performance.now() + ASK_AGAIN_MS;
      this.logger.warn(
        { err },
        'key-management did not say which keys exist: events of keys new to the ledger are booked',
      );
      return this.withoutAsking(unseen);
    }
    await this.forget([...unasked].flatMap(([name, event]) => (unseen.has(name) ? [] : [event])));
    return new Set(unseen.keys());
  }

  /** Notes keys as booked unasked, before they are: one that is noted in vain is asked about once more. */
  private async withoutAsking(unseen: ReadonlyMap<string, UsageRecorded>): Promise<ReadonlySet<string>> {
    const events = [...unseen].flatMap(([name, event]) => (this.noted.has(name) ? [] : [event]));
    if (events.length > 0)
      await this.database.acrossOrganizations((manager) => manager.query(NOTE_UNASKED, keysOf(events)));
    if (this.noted.size >= REMEMBERED_MAX) this.noted.clear();
    for (const name of unseen.keys()) this.noted.add(name);
    return new Set();
  }

  /** Forgets that keys were booked unasked: they exist. */
  private async forget(events: readonly UsageRecorded[]): Promise<void> {
    if (events.length === 0) return;
    for (const event of events) this.noted.delete(nameOf(event));
    await this.database.acrossOrganizations((manager) => manager.query(FORGET_UNASKED, keysOf(events)));
  }

  private async bookedBefore(
    events: readonly UsageRecorded[],
  ): Promise<{ readonly name: string; readonly isUnasked: boolean }[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ api_key_id: string; organization_id: string; is_unasked: boolean }[]>(BOOKED_BEFORE, [
        events.map((event) => event.apiKeyId),
      ]),
    );
    return rows.map((row) => ({
      name: nameOf({ apiKeyId: row.api_key_id, organizationId: row.organization_id }),
      isUnasked: row.is_unasked,
    }));
  }

  private remember(name: string): void {
    if (this.known.size >= REMEMBERED_MAX) this.known.clear();
    this.known.add(name);
  }
}

/** Indexes: key_usage_pk, unasked_key_pk. */
const BOOKED_BEFORE = `SELECT k.api_key_id, k.organization_id, EXISTS (
    SELECT FROM billing.unasked_key AS u WHERE u.api_key_id = k.api_key_id AND u.organization_id = k.organization_id) AS is_unasked
  FROM billing.key_usage AS k WHERE k.api_key_id = ANY($1::text[])`;
/** Index: unasked_key_pk. */
const NOTE_UNASKED = `INSERT INTO billing.unasked_key (organization_id, api_key_id)
  SELECT * FROM unnest($1::text[], $2::text[]) ORDER BY 1, 2 ON CONFLICT (api_key_id, organization_id) DO NOTHING`;
/** Index: unasked_key_pk. */
const FORGET_UNASKED = `DELETE FROM billing.unasked_key
  WHERE (api_key_id, organization_id) IN (SELECT * FROM unnest($2::text[], $1::text[]))`;

const keysOf = (events: readonly UsageRecorded[]): [organizationIds: string[], apiKeyIds: string[]] => [
  events.map((event) => event.organizationId),
  events.map((event) => event.apiKeyId),
];

const nameOf = ({ organizationId, apiKeyId }: Pick<UsageRecorded, 'organizationId' | 'apiKeyId'>): string =>
  `${organizationId}\n${apiKeyId}`;
