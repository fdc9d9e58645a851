import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { PersonPrincipal, Role } from '@tollgate/access';
import type { SessionDirectory } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import { MoreThan, type EntityManager } from 'typeorm';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';
import { newToken, tokenDigest } from './session-token.js';
import { sessionEntity, type Session, type SignInMethod } from './session.js';

/** How often at most the use of a session is written down. */
const SEEN_EVERY_MS = 60_000;
/** A person's sessions at once; a new one beyond it ends the oldest. */
const SESSIONS_MAX = 100;
/** Expired sessions that each sign-in clears away. */
const CLEARED_AT_ONCE = 100;
const CLIENT_LENGTH_MAX = 200;

/** A session as it begins. */
export interface NewSession {
  readonly personId: string;
  readonly method: SignInMethod;
  /** For the method `oidc`, and for no other. */
  readonly identity?: { readonly issuer: string; readonly subject: string };
  /** The only organisation that the session may act in; left out, it may act in all of the person's. */
  readonly confinedTo?: string;
  /** The organisation that it is about first: what the person asked about last. */
  readonly lastOrganizationId: string | null;
  readonly address: string | null;
  readonly client: string | null;
  /** When the person proved who they are, if that was not now: by a running session at their provider, say. */
  readonly provenAt?: Date;
}

/** A session that has begun, with its token, which is stored nowhere: it goes into the cookie. */
export interface OpenedSession {
  readonly session: Session;
  readonly token: string;
}

interface IdentifiedRow {
  id: string;
  person_id: string;
  proven_at: Date;
  seen_at: Date;
  last_organization_id: string | null;
  organization_id: string | null;
  role: Role | null;
  confined_to: string | null;
  barred: boolean;
}

/**
 * The session of a digest, with the organisation that a request is about: the one that it names, else the one that the
 * session asked about last, else the one it is confined to, else the person's oldest one; and none in which the person
 * has no role.
 * Index: session_digest_unique.
 */
const IDENTIFY = `
  SELECT s.id, s.person_id, s.proven_at, s.seen_at, s.last_organization_id, s.confined_to,
    asked.organization_id, asked.role,
    asked.organization_id IS NOT NULL AND keys.demands_oidc(asked.organization_id)
      AND (s.method <> 'oidc' OR s.confined_to IS DISTINCT FROM asked.organization_id) AS barred
  FROM keys.session AS s
  LEFT JOIN LATERAL (
    SELECT candidate.organization_id, keys.role_of_person(s.person_id, candidate.organization_id) AS role
    FROM (VALUES
      (1, $4::text),
      (2, CASE WHEN $4::text IS NULL THEN s.last_organization_id END),
      (3, CASE WHEN $4::text IS NULL THEN s.confined_to END),
      (4, CASE WHEN $4::text IS NULL THEN keys.oldest_organization_of_person(s.person_id) END)
    ) AS candidate (rank, organization_id)
    WHERE candidate.organization_id = coalesce(s.confined_to, candidate.organization_id)
      AND keys.role_of_person(s.person_id, candidate.organization_id) IS NOT NULL
    ORDER BY candidate.rank LIMIT 1
  ) AS asked ON true
  WHERE s.digest = $1 AND s.expires_at > $2 AND s.seen_at > $3`;

/** The first time stays. Index: person_pk. */
const NOTE_SIGN_IN = `UPDATE keys.person SET signed_in_at = $2 WHERE id = $1 AND signed_in_at IS NULL`;

/** Index: session_by_person. */
const END_OLDEST = `
  DELETE FROM keys.session WHERE id IN (
    SELECT id FROM keys.session WHERE person_id = $1 ORDER BY created_at DESC OFFSET $2 FOR UPDATE SKIP LOCKED
  )`;

/** Index: session_by_expiry. */
const CLEAR_EXPIRED = `
  DELETE FROM keys.session WHERE id IN (
    SELECT id FROM keys.session WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
  )`;

/**
 * Sessions of people. A session ends when it is ended, when it was not used for a while, and at a set age. What its
 * person may do is read with each request, and is not part of it.
 */
@Injectable()
export class Sessions implements SessionDirectory {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: Pick<KeyManagementSettings, 'sessions'>,
  ) {}

  /** As `SessionDirectory` has it. */
  async identify(token: string, organizationId: string | null, nowMs: number): Promise<PersonPrincipal | null> {
    if (tokenDigest(token) === null) return null;
    return this.database.outsideOrganizations((manager) =>
      this.identifyIn(manager, token, organizationId, new Date(nowMs)),
    );
  }

  /** As `identify`, in the caller's transaction. */
  async identifyIn(
    manager: EntityManager,
    token: string,
    organizationId: string | null,
    now: Date,
  ): Promise<PersonPrincipal | null> {
    const digest = tokenDigest(token);
    if (digest === null) return null;
    const rows: IdentifiedRow[] = await manager.query(IDENTIFY, [digest, now, this.idleSince(now), organizationId]);
    const [row] = rows;
    if (row === undefined) return null;
    await this.noteUse(manager, row, organizationId, now);
    return {
      kind: 'person',
      personId: row.person_id,
      sessionId: row.id,
      organizationId: row.barred ? null : row.organization_id,
      role: row.barred ? null : row.role,
      ...(row.confined_to !== null && { confinedTo: row.confined_to }),
      ...(row.barred && { oidcRequired: true }),
      provenAtMs: row.proven_at.getTime(),
    };
  }

  /** Begins a session in the caller's transaction. */
  async open(manager: EntityManager, begun: NewSession, now: Date): Promise<OpenedSession> {
    const token = newToken();
    const session: Session = {
      id: randomUUID(),
      digest: digestOf(token),
      personId: begun.personId,
      method: begun.method,
      oidcIssuer: begun.identity?.issuer ?? null,
      oidcSubject: begun.identity?.subject ?? null,
      confinedTo: begun.confinedTo ?? null,
      lastOrganizationId: begun.confinedTo ?? begun.lastOrganizationId,
      createdAt: now,
      provenAt: begun.provenAt ?? now,
      seenAt: now,
      expiresAt: new Date(now.getTime() + this.settings.sessions.lifeMs),
      fromAddress: begun.address,
      client: shownClient(begun.client),
    };
    await manager.getRepository(sessionEntity).insert(session);
    await manager.query(NOTE_SIGN_IN, [begun.personId, now]);
    await manager.query(END_OLDEST, [begun.personId, SESSIONS_MAX]);
    await manager.query(CLEAR_EXPIRED, [now, CLEARED_AT_ONCE]);
    return { session, token };
  }

  /**
   * Notes that the person of a session has just proved again who they are, and gives it a new token: the one before
   * opens nothing from then on. `provenAt` is when they did, if that was before now. Null if the session has ended, or
   * `token` is no longer its token.
   */
  async prove(
    manager: EntityManager,
    sessionId: string,
    token: string,
    now: Date,
    provenAt: Date = now,
  ): Promise<OpenedSession | null> {
    const before = tokenDigest(token);
    const session = before === null ? null : await this.live(manager, sessionId, now);
    if (before === null || session === null) return null;
    const next = newToken();
    const proven = { digest: digestOf(next), provenAt, seenAt: now };
    const { affected } = await manager.getRepository(sessionEntity).update({ id: sessionId, digest: before }, proven);
    return affected === 1 ? { session: { ...session, ...proven }, token: next } : null;
  }

  /** A session that has not ended; null if there is none of this id. */
  async live(manager: EntityManager, sessionId: string, now: Date): Promise<Session | null> {
    return manager
      .getRepository(sessionEntity)
      .findOneBy({ id: sessionId, expiresAt: MoreThan(now), seenAt: MoreThan(this.idleSince(now)) });
  }

  /** The session that a token opens; null if none does. */
  async ofToken(manager: EntityManager, token: string, now: Date): Promise<Session | null> {
    const digest = tokenDigest(token);
    if (digest === null) return null;
    return manager
      .getRepository(sessionEntity)
      .findOneBy({ digest, expiresAt: MoreThan(now), seenAt: MoreThan(this.idleSince(now)) });
  }

  /** The sessions of a person that have not ended, newest first: at most 100. */
  async list(manager: EntityManager, personId: string, now: Date): Promise<Session[]> {
    return manager.getRepository(sessionEntity).find({
      where: { personId, expiresAt: MoreThan(now), seenAt: MoreThan(this.idleSince(now)) },
      order: { createdAt: 'DESC', id: 'DESC' },
    });
  }

  /** Ends one session of a person. False if the person has none of this id. */
  async end(manager: EntityManager, personId: string, sessionId: string): Promise<boolean> {
    const { affected } = await manager.getRepository(sessionEntity).delete({ id: sessionId, personId });
    return affected === 1;
  }

  /**
   * Ends all sessions of a person in the caller's transaction, but for the one that is excepted. Resolves with how many
   * there were. For a new password, and for a member who is removed.
   */
  async endFor(
    manager: EntityManager,
    personId: string,
    { except }: { readonly except?: string } = {},
  ): Promise<number> {
    const sessions = manager
      .createQueryBuilder()
      .delete()
      .from(sessionEntity)
      .where('person_id = :personId', { personId });
    if (except !== undefined) sessions.andWhere('id <> :except', { except });
    return (await sessions.execute()).affected ?? 0;
  }

  private idleSince(now: Date): Date {
    return new Date(now.getTime() - this.settings.sessions.idleMs);
  }

  /** Writes at most once a minute, and where the person goes on to another organisation. */
  private async noteUse(manager: EntityManager, row: IdentifiedRow, named: string | null, now: Date): Promise<void> {
    const moved = named !== null && row.organization_id === named && row.last_organization_id !== named;
    if (!moved && now.getTime() - row.seen_at.getTime() < SEEN_EVERY_MS) return;
    const lastOrganizationId = moved ? named : row.last_organization_id;
    await manager.query(
      `UPDATE keys.session SET seen_at = greatest(seen_at, $2), last_organization_id = $3 WHERE id = $1`,
      [row.id, now, lastOrganizationId],
    );
    if (moved)
      await manager.query(`UPDATE keys.person SET last_organization_id = $2 WHERE id = $1`, [row.person_id, named]);
  }
}

function digestOf(token: string): Buffer {
  const digest = tokenDigest(token);
  if (digest === null) throw new Error('a new token has another form than tokens have');
  return digest;
}

/** What a client calls itself is its own text: it is cut, and shown without characters that change a line. */
function shownClient(client: string | null): string | null {
  const text = (client ?? '')
    .replace(/[^\x21-\x7e]+/g, ' ')
    .slice(0, CLIENT_LENGTH_MAX)
    .trim();
  return text === '' ? null : text;
}
