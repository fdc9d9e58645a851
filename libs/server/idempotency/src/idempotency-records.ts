import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { principalName, type Principal } from '@tollgate/access';
import { Problem, type IdempotentRequest } from '@tollgate/http';
import { SEALING, SealError, type SealedColumn, type Sealing } from '@tollgate/sealing';
import type { EntityManager } from 'typeorm';
import { IDEMPOTENCY_DATABASE, type IdempotencyDatabase } from './idempotency-database.js';

/** How long an answer is given again. */
export const ANSWER_LIFE_MS = 24 * 60 * 60_000;
/** A second request waits this long for the first to be answered, then is told to come again. */
const WAIT_MS = 5_000;
const AGAIN_SECONDS = 1;

/** Whose record it is. Nobody else's request finds it, whatever key and body it has. */
interface RecordOwner {
  readonly organizationId: string;
  readonly principal: Principal;
}

/** An answer as it is kept. The body is what the serializer let through. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** A request with its key, and to whom its record belongs. */
export interface Claim {
  readonly owner: RecordOwner;
  readonly request: IdempotentRequest & { readonly key: string };
}

/** The records of requests that were made with an `Idempotency-Key`. */
@Injectable()
export class IdempotencyRecords {
  private readonly statements: Statements;

  constructor(
    @Inject(IDEMPOTENCY_DATABASE) private readonly database: Pick<IdempotencyDatabase, 'entering' | 'schema'>,
    @Inject(SEALING) private readonly sealing: Sealing,
  ) {
    this.statements = statementsOf(database.schema);
  }

  /**
   * Claims a request for the caller's transaction; it must be the first lock that the transaction takes. Resolves with
   * null if the request has no answer yet: then whoever has claimed it makes its effect, stores the answer in the same
   * transaction, and gives the claim back if that fails. Waits for a transaction that has claimed the same request.
   * @throws {Problem} `idempotency_conflict` after 5 s of waiting, or if the answer cannot be decrypted;
   * `idempotency_key_reused` if the request is another
   */
  async claim(manager: EntityManager, claim: Claim, now: Date): Promise<StoredAnswer | null> {
    return this.inOrganizationOf(manager, claim.owner, async () => {
      if (await this.isClaimed(manager, claim, now)) return null;
      const record = await this.find(manager, claim);
      if (record === null) throw new Problem('idempotency_key_reused');
      return this.answerIn(record, claim);
    });
  }

  /**
   * The answer that a request has got in the 24 hours before `now`; null if it has none. It claims nothing.
   * @throws {Problem} `idempotency_key_reused` if the request is another
   */
  async kept(manager: EntityManager, claim: Claim, now: Date): Promise<StoredAnswer | null> {
    return this.inOrganizationOf(manager, claim.owner, async () => {
      const record = await this.find(manager, claim);
      if (record === null || record.created_at.getTime() <= now.getTime() - ANSWER_LIFE_MS) return null;
      return this.answerIn(record, claim);
    });
  }

  /** Stores the answer of a claimed request. Index: idempotency_record_pk. */
  async store(manager: EntityManager, claim: Claim, answer: StoredAnswer): Promise<void> {
    const sealed = this.sealing.seal(JSON.stringify(answer), boundTo(claim));
    await this.inOrganizationOf(manager, claim.owner, () =>
      manager.query(this.statements.store, [claim.owner.organizationId, scopeOf(claim), sealed]),
    );
  }

  /** What was done must not be done again, although its answer is under an encryption key that is not given now. */
  private answerIn(record: RecordRow, claim: Claim): StoredAnswer {
    if (!record.fingerprint.equals(claim.request.fingerprint)) throw new Problem('idempotency_key_reused');
    try {
      return JSON.parse(this.sealing.open(record.answer, boundTo(claim))) as StoredAnswer;
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      throw beingAnswered(cause);
    }
  }

  /**
   * Whether the request is this transaction's now: nobody has made it, or so long ago that the record counts no more.
   * Index: idempotency_record_pk.
   */
  private async isClaimed(manager: EntityManager, claim: Claim, now: Date): Promise<boolean> {
    const usual = await waitForLocks(manager, `${WAIT_MS}ms`);
    try {
      const rows = await manager.query<unknown[]>(this.statements.claim, [
        claim.owner.organizationId,
        scopeOf(claim),
        claim.request.fingerprint,
        now,
        new Date(now.getTime() - ANSWER_LIFE_MS),
      ]);
      await waitForLocks(manager, usual);
      return rows.length > 0;
    } catch (cause) {
      if (!isLockTimeout(cause)) throw cause;
      throw beingAnswered(cause);
    }
  }

  /** Index: idempotency_record_pk. */
  private async find(manager: EntityManager, claim: Claim): Promise<RecordRow | null> {
    const rows = await manager.query<RecordRow[]>(this.statements.find, [claim.owner.organizationId, scopeOf(claim)]);
    return rows[0] ?? null;
  }

  /** A record belongs to the organisation that its caller acts in, which an effect that makes another one does not. */
  private inOrganizationOf<T>(manager: EntityManager, owner: RecordOwner, work: () => Promise<T>): Promise<T> {
    return this.database.entering(manager, owner.organizationId, work);
  }
}

interface RecordRow {
  fingerprint: Buffer;
  answer: string;
  created_at: Date;
}

interface Statements {
  readonly claim: string;
  readonly find: string;
  readonly store: string;
}

const statementsOf = (schema: string): Statements => ({
  claim: `INSERT INTO ${schema}.idempotency_record AS r (organization_id, scope, fingerprint, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT ON CONSTRAINT idempotency_record_pk
      DO UPDATE SET fingerprint = $3, created_at = $4, answer = NULL WHERE r.created_at <= $5
    RETURNING 1`,
  find: `SELECT fingerprint, answer, created_at FROM ${schema}.idempotency_record WHERE organization_id = $1 AND scope = $2`,
  store: `UPDATE ${schema}.idempotency_record SET answer = $3 WHERE organization_id = $1 AND scope = $2`,
});

/** The encrypted answers of a service, for those who change the encryption key. */
export const sealedAnswers = (schema: string): SealedColumn => ({
  what: 'answers that may be given again',
  select: `SELECT encode(scope, 'hex') AS id, organization_id AS key, answer AS sealed FROM ${schema}.idempotency_record
    WHERE answer IS NOT NULL`,
  update: `UPDATE ${schema}.idempotency_record SET answer = $2 WHERE scope = decode($1, 'hex') AND answer = $3`,
  boundTo: ({ id, key }) => boundToRow(key, id),
});

/** Sets how long the transaction waits for a lock; resolves with how long it would have waited. */
async function waitForLocks(manager: EntityManager, timeout: string): Promise<string> {
  const [row] = await manager.query<[{ before: string }]>(
    `WITH former AS MATERIALIZED (SELECT current_setting('lock_timeout') AS before)
     SELECT before, set_config('lock_timeout', $1, true) FROM former`,
    [timeout],
  );
  return row.before;
}

const beingAnswered = (cause: unknown): Problem =>
  new Problem('idempotency_conflict', { headers: { 'retry-after': String(AGAIN_SECONDS) }, cause });

/** What an answer is bound to: its organisation, and the digest of caller, method, path and key, in hexadecimal. */
const boundToRow = (organizationId: string, scope: string): string[] => ['idempotency_record', organizationId, scope];

/** JSON keeps the parts apart: no two requests have the same text. */
const partsOf = ({ owner, request }: Claim): string[] => [
  principalName(owner.principal),
  request.method,
  request.path,
  request.key,
];
const scopeOf = (claim: Claim): Buffer =>
  createHash('sha256')
    .update(JSON.stringify(partsOf(claim)))
    .digest();
const boundTo = (claim: Claim): string[] => boundToRow(claim.owner.organizationId, scopeOf(claim).toString('hex'));

/** `lock_not_available`. */
const isLockTimeout = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === '55P03';
