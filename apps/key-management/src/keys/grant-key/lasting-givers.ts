import { Injectable } from '@nestjs/common';
import { isAtLeast, type KeyGiver } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import type { EntityManager } from 'typeorm';
import { makerOf, roleNow } from '../../members/maker.js';
import { Sessions } from '../../sign-in/sessions.js';
import { demandGrant, KeyGivers, type KeyHandler } from './key-givers.js';

/** Finds out whether who gives keys something may still do it at the end of a request that took long. */
@Injectable()
export class LastingGivers {
  constructor(
    private readonly givers: KeyGivers,
    private readonly sessions: Sessions,
  ) {}

  /**
   * The one behind a request, as `KeyGivers` has them. Who asks was found out before the body came, so a person is
   * looked at again.
   * @throws {Problem} `invalid_credential`, `access_denied`
   */
  async giverNow(
    manager: EntityManager,
    organizationId: string,
    actor: Pick<Actor, 'principal'>,
    now: Date,
  ): Promise<KeyGiver | null> {
    const giver = await this.givers.giverOf(manager, actor, now);
    if (giver?.reach === null) await this.demandStill(manager, organizationId, giver, now);
    return giver;
  }

  /** As `KeyGivers` has it. */
  handlerOf(manager: EntityManager, actor: Pick<Actor, 'principal'>): Promise<KeyHandler> {
    return this.givers.handlerOf(manager, actor);
  }

  /**
   * Refuses whoever may give less by now than `giver` could when the request began. A body may come for minutes, and
   * meanwhile the key that asks can be revoked or restricted, the person removed or signed out. Null, for no giver, is
   * never refused.
   * @throws {Problem} `invalid_credential`, `access_denied`
   */
  async demandStill(manager: EntityManager, organizationId: string, giver: KeyGiver | null, now: Date): Promise<void> {
    if (giver === null) return;
    if (giver.reach !== null) return demandGrant(await this.givers.giverOf(manager, giver, now), giver.reach, null);
    const { principal } = giver;
    if (principal.kind !== 'person') return;
    if ((await this.sessions.live(manager, principal.sessionId, now)) === null) throw new Problem('invalid_credential');
    const role = await roleNow(manager, organizationId, makerOf(principal), now);
    if (role !== null && principal.role !== null && isAtLeast(role, principal.role)) return;
    throw new Problem('access_denied', { detail: 'Your role is another one than when the request began.' });
  }
}
