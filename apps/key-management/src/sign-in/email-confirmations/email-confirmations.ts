import { Injectable } from '@nestjs/common';
import type { PersonPrincipal } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { AuditTrail } from '../../audit/audit-trail.js';
import { PersonStore } from '../../people/person-store.js';
import { Attempts } from '../attempts.js';
import { Links } from '../links.js';
import { MailOutbox } from '../mails/mail-outbox.js';
import { emailConfirmationMail } from '../mails/sign-in-mails.js';
import { OneTimeTokens } from '../one-time-tokens/one-time-tokens.js';

/** Mails of one person that wait to be used, of the last hour. */
const MAILS_AN_HOUR = 5;
const HOUR_MS = 3_600_000;

/** Finds out whether people read the mails to their addresses. */
@Injectable()
export class EmailConfirmations {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly people: PersonStore,
    private readonly tokens: OneTimeTokens,
    private readonly attempts: Attempts,
    private readonly mails: MailOutbox,
    private readonly links: Links,
  ) {}

  /**
   * Sends the person a link, and resolves with true; false if their address is confirmed already.
   * @throws {Problem} `rate_limit_exceeded` if they were sent too many already
   */
  async send({ personId }: PersonPrincipal): Promise<boolean> {
    const now = new Date();
    return this.database.outsideOrganizations(async (manager) => {
      const person = await this.people.lock(manager, personId);
      if (person === null) throw new Problem('invalid_credential');
      if (person.emailConfirmedAt !== null) return false;
      const since = new Date(now.getTime() - HOUR_MS);
      if ((await this.tokens.countSince(manager, 'email_confirmation', personId, since)) >= MAILS_AN_HOUR)
        throw new Problem('rate_limit_exceeded', { headers: { 'retry-after': String(HOUR_MS / 1_000) } });
      const { token, expiresAt } = await this.tokens.issue(manager, 'email_confirmation', personId, now);
      const mail = emailConfirmationMail(this.links.to('email-confirmation', token));
      await this.mails.add(manager, { to: person.email, ...mail, until: expiresAt });
      return true;
    });
  }

  /** @throws {Problem} `invalid_link` for a token that is good for nothing, `rate_limit_exceeded` */
  async finish(token: string, actor: Actor): Promise<void> {
    const address = actor.address ?? '';
    this.attempts.fromAddress(address);
    const now = new Date();
    const done = await this.database.outsideOrganizations(async (manager) => {
      const personId = await this.tokens.spend(manager, 'email_confirmation', token, now);
      const person = personId === null ? null : await this.people.find(manager, personId);
      if (person === null) return false;
      await this.people.confirmEmail(manager, person.id, now);
      await this.audit.append(manager, await this.people.homeOf(manager, person), [
        { actor, action: 'person.email_confirmed', targetType: 'person', targetId: person.id },
      ]);
      return true;
    });
    if (!done) throw this.attempts.invalidLink(address);
  }
}
