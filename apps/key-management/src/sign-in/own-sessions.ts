import { Injectable } from '@nestjs/common';
import type { PersonPrincipal } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import { AuditTrail } from '../audit/audit-trail.js';
import { Sessions } from './sessions.js';
import type { Session } from './session.js';

/** What people do with their own sessions. */
@Injectable()
export class OwnSessions {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly sessions: Sessions,
  ) {}

  /** The sessions of a person that have not ended, newest first; those that `mayTouch` lets this one touch. */
  async list(principal: PersonPrincipal): Promise<Session[]> {
    const all = await this.database.outsideOrganizations((manager) =>
      this.sessions.list(manager, principal.personId, new Date()),
    );
    return all.filter((session) => mayTouch(principal, session));
  }

  /** Ends one. False if the person has none of this id that this session may touch. */
  async end(principal: PersonPrincipal, sessionId: string, actor: Actor): Promise<boolean> {
    const { personId, organizationId } = principal;
    return this.database.outsideOrganizations(async (manager) => {
      const session = await this.sessions.live(manager, sessionId, new Date());
      if (session !== null && !mayTouch(principal, session)) return false;
      if (!(await this.sessions.end(manager, personId, sessionId))) return false;
      await this.audit.append(manager, organizationId, [
        { actor, action: 'session.ended', targetType: 'session', targetId: sessionId },
      ]);
      return true;
    });
  }
}

/**
 * A session that an organisation's provider has vouched for sees and ends none but those of the same organisation:
 * whoever runs that provider could open it.
 */
const mayTouch = ({ confinedTo }: PersonPrincipal, session: Session): boolean =>
  confinedTo === undefined || session.confinedTo === confinedTo;
