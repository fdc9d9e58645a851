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

  /** The sessions of a person that have not ended, newest first. */
  async list(personId: string): Promise<Session[]> {
    return this.database.outsideOrganizations((manager) => this.sessions.list(manager, personId, new Date()));
  }

  /** Ends one. False if the person has none of this id. */
  async end({ personId, organizationId }: PersonPrincipal, sessionId: string, actor: Actor): Promise<boolean> {
    return this.database.outsideOrganizations(async (manager) => {
      if (!(await this.sessions.end(manager, personId, sessionId))) return false;
      await this.audit.append(manager, organizationId, [
        { actor, action: 'session.ended', targetType: 'session', targetId: sessionId },
      ]);
      return true;
    });
  }
}
