import { Injectable } from '@nestjs/common';
import type { EndSubscriptionsRequest } from '@tollgate/contracts';
import { ChangeSubscription } from './change-subscription.js';
import { ABANDONED_AFTER_MS } from './subscribe.js';
import { SubscriptionStore } from './subscription-store.js';

/** Ends subscriptions whose organisation was deleted, or whose member was removed. */
@Injectable()
export class EndSubscriptions {
  constructor(
    private readonly change: ChangeSubscription,
    private readonly store: SubscriptionStore,
  ) {}

  /**
   * Ends all of an organisation whose end is stored: their keys and webhooks are told, and nothing is charged for them
   * any more; what was charged for a cycle from then on is given back. One whose key is being made is given up, unless
   * that was done first. It may be repeated, and by several processes at once.
   */
  async ofOrganization(organizationId: string, now: Date): Promise<void> {
    // A change finds the end of the organisation by itself.
    for (const id of await this.store.goingOn(organizationId, null)) await this.end(organizationId, id, null, now);
  }

  /** The same for a member. */
  async ofMember(request: EndSubscriptionsRequest, now: Date): Promise<void> {
    const { organizationId, memberId } = request;
    const endedAt = new Date(request.endedAt);
    for (const id of await this.store.goingOn(organizationId, { memberId, endedAt }))
      await this.end(organizationId, id, endedAt, now);
  }

  private async end(organizationId: string, id: string, memberEnd: Date | null, now: Date): Promise<void> {
    await this.store.abandon(organizationId, id, now, new Date(now.getTime() + ABANDONED_AFTER_MS));
    await this.change.end(organizationId, id, memberEnd, now);
  }
}
