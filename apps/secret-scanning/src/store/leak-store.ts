import { Injectable } from '@nestjs/common';
import type { LeakedKeyOutcome, LeaksReportedV1 } from '@tollgate/contracts';
import { oneRow, Outbox, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { placeHash, type Finding } from './finding.js';
import { MailStore, type OwedMail } from './mail-store.js';
import { PUBLISH_LEAK, SCANNING_SCHEMA } from './outbox-effects.js';

type KnownOutcome = LeakedKeyOutcome & { key: NonNullable<LeakedKeyOutcome['key']> };

/** What leaked: a key, or one secret of a key that was left as it was. */
export interface LeakSubject {
  readonly organizationId: string;
  readonly apiKeyId: string;
  /** Empty for a whole key. */
  readonly secretId: string;
}

/** A leaked key or secret, and the places where it was seen. */
export interface Leak {
  readonly organizationId: string;
  readonly keyName: string;
  /** The first 6 and the last 4 characters; nothing else of the secret is stored. */
  readonly maskedKey: string;
  /** When the key was revoked, or the secret ended. */
  readonly revokedAt: Date;
  /** Whether it was a former secret of a key, and if so, whether the key lives on; null for a whole key. */
  readonly formerSecret: { readonly keyIsLive: boolean } | null;
  readonly reportedAt: Date;
  readonly places: readonly { readonly origin: string; readonly source: string; readonly url: string }[];
}

interface LeakRow {
  organization_id: string;
  key_name: string;
  masked_key: string;
  revoked_at: Date;
  reported_at: Date;
  key_is_live: boolean;
}

/** Stores findings, and the leaks that they turn out to be. */
@Injectable()
export class LeakStore {
  private readonly outbox = new Outbox(SCANNING_SCHEMA);

  constructor(
    private readonly database: ServiceDatabase,
    private readonly mails: MailStore,
  ) {}

  /**
   * Stores findings; existing ones stay as they are. All calls insert in the same order, so that two reports of the
   * same findings never deadlock.
   */
  async add(findings: readonly Finding[], now: Date): Promise<void> {
    await this.database.acrossOrganizations((manager) =>
      manager.query(
        `INSERT INTO scanning.finding (digest, place_hash, origin, url, source, token_type, received_at)
       SELECT decode(digest, 'hex'), decode(place_hash, 'hex'), origin, url, source, token_type, $7
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) AS f (digest, place_hash, origin, url, source, token_type)
       ORDER BY 1, 2 ON CONFLICT ON CONSTRAINT finding_place_unique DO NOTHING`,
        [
          findings.map(({ digest }) => digest),
          findings.map(placeHash),
          findings.map(({ origin }) => origin),
          findings.map(({ url }) => url),
          findings.map(({ source }) => source),
          findings.map(({ tokenType }) => storedType(tokenType)),
          now,
        ],
      ),
    );
  }

  /**
   * Records what key-management said about digests. Findings of our keys become leaks, with one mail to every owner;
   * findings of unknown secrets are deleted, so that nothing about other people's secrets is kept.
   */
  async record(outcomes: readonly LeakedKeyOutcome[], now: Date): Promise<void> {
    const known = outcomes.filter((each): each is KnownOutcome => each.key !== null);
    const unknown = outcomes.filter(({ key }) => key === null).map(({ digest }) => digest);
    await this.database.acrossOrganizations(async (manager) => {
      await lockFindings(
        manager,
        outcomes.map(({ digest }) => digest),
      );
      if (unknown.length > 0) await deleteFindings(manager, unknown);
      if (known.length === 0) return;
      await insertLeaks(manager, known, now);
      await this.mails.owe(manager, mailsOf(known), now);
      await resolveFindings(manager, known);
    });
  }

  /** Escalates findings that key-management has not answered, each once. Resolves with the number of digests. */
  async escalate(digests: readonly string[], now: Date): Promise<number> {
    return this.escalateWhere(`digest IN (SELECT decode(d, 'hex') FROM unnest($2::text[]) AS asked (d))`, digests, now);
  }

  /** Escalates findings that were received before `before` and not answered: the process that received them died. */
  async escalateReceivedBefore(before: Date, now: Date): Promise<number> {
    return this.escalateWhere(`received_at < $2`, before, now);
  }

  /** Deletes findings that were received before `before` and belong to no known key. */
  async forgetReceivedBefore(before: Date): Promise<void> {
    await this.database.acrossOrganizations((manager) =>
      manager.query(
        `WITH old AS (SELECT id FROM scanning.finding WHERE api_key_id IS NULL AND received_at < $1 ORDER BY id FOR UPDATE)
         DELETE FROM scanning.finding AS f USING old WHERE f.id = old.id`,
        [before],
      ),
    );
  }

  /** The ids of those keys without a recorded leak as a whole, or with findings that are not assigned to them yet. */
  async unrecorded(keys: readonly { apiKeyId: string; digests: readonly string[] }[]): Promise<Set<string>> {
    const pairs = keys.flatMap(({ apiKeyId, digests }) => digests.map((digest) => ({ apiKeyId, digest })));
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ api_key_id: string }[]>(
        `SELECT DISTINCT k.api_key_id FROM unnest($1::text[], $2::text[]) AS k (api_key_id, digest)
       WHERE NOT EXISTS (SELECT 1 FROM scanning.leak l WHERE l.api_key_id = k.api_key_id AND l.secret_id = '')
          OR EXISTS (SELECT 1 FROM scanning.finding f WHERE f.digest = decode(k.digest, 'hex') AND f.api_key_id IS NULL)`,
        [pairs.map(({ apiKeyId }) => apiKeyId), pairs.map(({ digest }) => digest)],
      ),
    );
    return new Set(rows.map((row) => row.api_key_id));
  }

  /** A leak, with all places known so far (at most 1,000), oldest first. Indexes: leak_pk, finding_by_key. */
  async leakOf({ organizationId, apiKeyId, secretId }: LeakSubject): Promise<Leak> {
    const [rows, places] = await this.database.inOrganization(organizationId, async (manager) => [
      await manager.query<LeakRow[]>(
        `SELECT organization_id, key_name, masked_key, revoked_at, reported_at, key_is_live FROM scanning.leak
         WHERE api_key_id = $1 AND secret_id = $2`,
        [apiKeyId, secretId],
      ),
      await manager.query<Leak['places']>(
        // While a pepper is being replaced, a place has a finding for each digest of the key.
        `SELECT origin, source, url FROM (
           SELECT DISTINCT ON (place_hash) id, origin, source, url, received_at FROM scanning.finding
           WHERE api_key_id = $1 AND secret_id = $2 ORDER BY place_hash, received_at, id) AS place
         ORDER BY received_at, id LIMIT 1000`,
        [apiKeyId, secretId],
      ),
    ]);
    const leak = oneRow(rows);
    return {
      organizationId: leak.organization_id,
      keyName: leak.key_name,
      maskedKey: leak.masked_key,
      revokedAt: leak.revoked_at,
      formerSecret: secretId === '' ? null : { keyIsLive: leak.key_is_live },
      reportedAt: leak.reported_at,
      places,
    };
  }

  private async escalateWhere(condition: string, parameter: unknown, now: Date): Promise<number> {
    return this.database.acrossOrganizations(async (manager) => {
      const [rows] = await manager.query<[{ id: string; digest: string; origin: string; received_at: Date }[], number]>(
        `WITH due AS (
           SELECT id FROM scanning.finding WHERE api_key_id IS NULL AND escalated_at IS NULL AND ${condition} ORDER BY id FOR UPDATE
         )
         UPDATE scanning.finding AS f SET escalated_at = $1 FROM due WHERE f.id = due.id
         RETURNING f.id, encode(f.digest, 'hex') AS digest, f.origin, f.received_at`,
        [now, parameter],
      );
      const byDigest = new Map(rows.map((row) => [row.digest, row]));
      const events = [...byDigest.values()].map(({ id, digest, origin, received_at }): LeaksReportedV1 => ({
        eventVersion: 1,
        findingId: id,
        digest,
        origin,
        reportedAt: received_at.toISOString(),
      }));
      await this.outbox.add(
        manager,
        ...events.map((event) => ({ effect: PUBLISH_LEAK, key: event.digest, payload: JSON.stringify(event) })),
      );
      return events.length;
    });
  }
}

function mailsOf(known: readonly KnownOutcome[]): OwedMail[] {
  return known.flatMap(({ key }) =>
    key.ownerEmails.map((recipient) => ({
      organizationId: key.organizationId,
      apiKeyId: key.apiKeyId,
      secretId: secretIdOf(key),
      recipient,
    })),
  );
}

/** Empty where the whole key was revoked. */
const secretIdOf = ({ formerSecret }: KnownOutcome['key']): string => formerSecret?.id ?? '';

/** The reporter's token type if it is short and cannot be the secret itself, else empty. It is stored for people. */
function storedType(tokenType: string): string {
  return /^[\w .-]{0,64}$/.test(tokenType) && !/[0-9A-Za-z]{32}/.test(tokenType) ? tokenType : '';
}

/**
 * Locks findings in the order of their ids before any of them is changed. All transactions do so, so that two that
 * change the same findings never deadlock. Index: finding_place_unique.
 */
async function lockFindings(manager: EntityManager, digests: readonly string[]): Promise<void> {
  await manager.query(
    `SELECT 1 FROM scanning.finding
     WHERE api_key_id IS NULL AND digest IN (SELECT decode(d, 'hex') FROM unnest($1::text[]) AS asked (d)) ORDER BY id FOR UPDATE`,
    [digests],
  );
}

async function deleteFindings(manager: EntityManager, digests: readonly string[]): Promise<void> {
  await manager.query(
    `DELETE FROM scanning.finding WHERE api_key_id IS NULL AND digest IN (SELECT decode(d, 'hex') FROM unnest($1::text[]) AS asked (d))`,
    [digests],
  );
}

async function insertLeaks(manager: EntityManager, known: readonly KnownOutcome[], now: Date): Promise<void> {
  const keys = known.map(({ key }) => key);
  await manager.query(
    `INSERT INTO scanning.leak (api_key_id, organization_id, key_name, masked_key, revoked_at, reported_at, secret_id, key_is_live)
     SELECT api_key_id, organization_id, key_name, masked_key, revoked_at, $6, secret_id, key_is_live
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $7::text[], $8::boolean[])
       AS l (api_key_id, organization_id, key_name, masked_key, revoked_at, secret_id, key_is_live)
     ORDER BY api_key_id, secret_id ON CONFLICT ON CONSTRAINT leak_pk DO NOTHING`,
    [
      keys.map((key) => key.apiKeyId),
      keys.map((key) => key.organizationId),
      keys.map((key) => key.name),
      keys.map((key) => key.maskedKey),
      keys.map((key) => key.revokedAt),
      now,
      keys.map(secretIdOf),
      keys.map(({ formerSecret }) => formerSecret?.keyIsLive ?? false),
    ],
  );
}

async function resolveFindings(manager: EntityManager, known: readonly KnownOutcome[]): Promise<void> {
  await manager.query(
    `UPDATE scanning.finding f SET api_key_id = k.api_key_id, organization_id = k.organization_id, secret_id = k.secret_id
     FROM (SELECT DISTINCT decode(digest, 'hex') AS digest, api_key_id, organization_id, secret_id
           FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS asked (digest, api_key_id, organization_id, secret_id)) k
     WHERE f.digest = k.digest AND f.api_key_id IS NULL`,
    [
      known.map(({ digest }) => digest),
      known.map(({ key }) => key.apiKeyId),
      known.map(({ key }) => key.organizationId),
      known.map(({ key }) => secretIdOf(key)),
    ],
  );
}
