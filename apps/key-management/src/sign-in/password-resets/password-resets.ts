import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { AddressAllowance, Problem } from '@tollgate/http';
import { Outbox, OutboxRelay, ServiceDatabase, type OutboxRow } from '@tollgate/postgres';
import { SEALING, SealError, type Sealing } from '@tollgate/sealing';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../../audit/audit-trail.js';
import { Passwords } from '../../people/passwords.js';
import { PersonStore } from '../../people/person-store.js';
import { KEYS_SCHEMA, RESET_PASSWORD } from '../../store/outbox-effects.js';
import { Attempts } from '../attempts.js';
import { Links } from '../links.js';
import { MailOutbox } from '../mails/mail-outbox.js';
import { passwordChangedMail, passwordResetMail } from '../mails/sign-in-mails.js';
import { OneTimeTokens } from '../one-time-tokens/one-time-tokens.js';
import { Sessions } from '../sessions.js';

/** What one address may ask for at once, and then in a minute. */
const ASKED_BURST = 10;
const ASKED_PER_MINUTE = 2;
/** What everybody together may ask for at once, and then in a second. */
const ASKED_BY_ALL_BURST = 200;
const ASKED_BY_ALL_PER_SECOND = 20;
/** Mails of one person that wait to be used, of the last hour. */
const MAILS_AN_HOUR = 5;
const HOUR_MS = 3_600_000;
/** A request that could not be looked at for so long is forgotten: its sender has asked again. */
const FORGOTTEN_AFTER_MS = HOUR_MS;

/** What somebody asked for, as it waits. It is encrypted: the address may be somebody's. */
interface Asked {
  readonly email: string;
  readonly address: string | null;
  readonly requestId: string | null;
}

/**
 * New passwords by mail. A request is written down for any address alike, before it is known whether somebody has it:
 * neither the reply nor its time tells. The mail goes to the address that is stored.
 */
@Injectable()
export class PasswordResets {
  private readonly audit = new AuditTrail();
  private readonly outbox = new Outbox(KEYS_SCHEMA);
  private readonly relay: OutboxRelay;
  private readonly ofAddress = new AddressAllowance({ burst: ASKED_BURST, perSecond: ASKED_PER_MINUTE / 60 });
  private readonly ofAll = new AddressAllowance({ burst: ASKED_BY_ALL_BURST, perSecond: ASKED_BY_ALL_PER_SECOND });

  constructor(
    private readonly database: ServiceDatabase,
    private readonly people: PersonStore,
    private readonly passwords: Passwords,
    private readonly tokens: OneTimeTokens,
    private readonly sessions: Sessions,
    private readonly attempts: Attempts,
    private readonly mails: MailOutbox,
    private readonly links: Links,
    @Inject(SEALING) private readonly sealing: Sealing,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.relay = new OutboxRelay({
      database,
      schema: KEYS_SCHEMA,
      effects: { [RESET_PASSWORD]: ([row]) => this.answer(row) },
      batchSize: 1,
      onError: (err, what) => logger.warn({ err }, what),
    });
  }

  start(): void {
    this.relay.start();
  }

  /** Resolves when the request that is being answered is answered. */
  stop(): Promise<void> {
    return this.relay.stop();
  }

  /**
   * Writes down that somebody asked for a new password for an address, in its normal form.
   * @throws {Problem} `rate_limit_exceeded` if too many were asked for from there, or `server_busy` if from everywhere
   */
  async ask(email: string, { address, requestId }: Actor): Promise<void> {
    if (!this.ofAddress.take(address ?? '')) throw tooMany('rate_limit_exceeded', this.ofAddress);
    if (!this.ofAll.take('')) throw tooMany('server_busy', this.ofAll);
    const key = randomUUID();
    const asked: Asked = { email, address, requestId };
    const payload = this.sealing.seal(JSON.stringify(asked), boundTo(key));
    await this.database.outsideOrganizations((manager) =>
      this.outbox.add(manager, { effect: RESET_PASSWORD, key, payload }),
    );
  }

  /**
   * Sets a new password, ends all sessions and all links of the person, and tells them so by mail.
   * @throws {Problem} `invalid_link` for a token that is unknown, used, expired or for something else;
   *   `rate_limit_exceeded`, `server_busy`
   */
  async finish(token: string, password: string, actor: Actor): Promise<void> {
    const address = actor.address ?? '';
    this.attempts.fromAddress(address);
    const now = new Date();
    const owner = await this.database.outsideOrganizations((manager) =>
      this.tokens.ownerOf(manager, 'password_reset', token, now),
    );
    // Only the bearer of a good token costs a hash.
    if (owner === null) throw this.attempts.invalidLink(address);
    const passwordHash = await this.passwords.hash(password);
    const done = await this.database.outsideOrganizations(async (manager) => {
      const personId = await this.tokens.spend(manager, 'password_reset', token, now);
      if (personId === null) return false;
      await this.set(manager, personId, passwordHash, actor, now);
      return true;
    });
    if (!done) throw this.attempts.invalidLink(address);
  }

  private async set(manager: EntityManager, id: string, hash: string, actor: Actor, now: Date): Promise<void> {
    const person = await this.people.lock(manager, id);
    if (person === null) throw new Error('a token is of a person who is not there');
    await this.people.setPasswordHash(manager, id, hash);
    await this.people.confirmEmail(manager, id, now);
    await this.tokens.endFor(manager, id);
    const ended = await this.sessions.endFor(manager, id);
    const until = new Date(now.getTime() + 24 * HOUR_MS);
    await this.mails.add(manager, {
      to: person.email,
      ...passwordChangedMail(this.links.page('password-reset')),
      until,
    });
    await this.audit.append(manager, await this.people.homeOf(manager, person), [
      { actor, action: 'person.password_set', targetType: 'person', targetId: id, details: { sessions_ended: ended } },
    ]);
  }

  /** Mails a link, if the address is somebody's who was not sent too many already. */
  private async answer(row: OutboxRow | undefined): Promise<void> {
    const asked = row === undefined ? null : this.read(row);
    if (row === undefined || asked === null) return;
    const now = new Date();
    if (now.getTime() - row.createdAt.getTime() > FORGOTTEN_AFTER_MS) return;
    await this.database.outsideOrganizations(async (manager) => {
      const person = await this.people.ofEmail(manager, asked.email);
      if (person === null) return;
      const since = new Date(now.getTime() - HOUR_MS);
      if ((await this.tokens.countSince(manager, 'password_reset', person.id, since)) >= MAILS_AN_HOUR) return;
      const { token, expiresAt } = await this.tokens.issue(manager, 'password_reset', person.id, now);
      const mail = passwordResetMail(this.links.to('password-reset', token));
      await this.mails.add(manager, { to: person.email, ...mail, until: expiresAt });
      await this.audit.append(manager, await this.people.homeOf(manager, person), [
        {
          actor: { principal: null, address: asked.address, requestId: asked.requestId },
          action: 'person.password_reset_requested',
          targetType: 'person',
          targetId: person.id,
        },
      ]);
    });
  }

  /** Null for a request that can never be read again, since its key is gone. */
  private read({ key, payload }: OutboxRow): Asked | null {
    try {
      return JSON.parse(this.sealing.open(payload, boundTo(key))) as Asked;
    } catch (err) {
      if (!(err instanceof SealError)) throw err;
      this.logger.error({ err }, 'a request for a new password cannot be decrypted and is given up');
      return null;
    }
  }
}

const boundTo = (key: string): readonly string[] => ['password reset', key];

function tooMany(code: 'rate_limit_exceeded' | 'server_busy', allowance: AddressAllowance): Problem {
  return new Problem(code, {
    detail: 'Too many new passwords were asked for. Wait before the next one.',
    headers: { 'retry-after': String(allowance.retryAfterSeconds) },
  });
}
