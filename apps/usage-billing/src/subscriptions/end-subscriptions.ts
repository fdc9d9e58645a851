import { Injectable } from '@nestjs/common';
import { ChangeSubscription } from './change-subscription.js';
import { ABANDONED_AFTER_MS } from './subscribe.js';
import { SubscriptionStore } from './subscription-store.js';

/** Ends subscriptions whose organisation was deleted. */
@Injectable()
export class EndSubscriptions {
  constructor(
    private readonly change: ChangeSubscription,
    private readonly store: SubscriptionStore,
  ) {}

  /**
   * Ends all of an organisation whose end is stored: their keys and webhooks are told, and nothing is charged for them
   * any more. One whose key is being made is given up, unless that was done first. It may be repeated, and by several
   * processes at once.
   */
  async ofOrganization(organizationId: string, now: Date): Promise<void> {
    for (const id of await this.store.goingOn(organizationId)) {
      await this.store.abandon(organizationId, id, now, new Date(now.getTime() + ABANDONED_AFTER_MS));
      await this.change.execute(organizationId, id, now, null, (subscription) => subscription);
    }
  }
}
