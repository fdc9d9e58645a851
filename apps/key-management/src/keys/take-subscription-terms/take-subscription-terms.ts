import { Injectable } from '@nestjs/common';
import { NOBODY } from '@tollgate/auth';
import type { SubscriptionsChangedV1 } from '@tollgate/contracts';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore, type ChangedKeys } from '../../store/key-store.js';
import { subscribedKey } from './subscribed-key.js';

/** Changes the key of a subscription as usage-billing says, and tells the gateways. */
@Injectable()
export class TakeSubscriptionTerms {
  constructor(
    private readonly store: KeyStore,
    private readonly relay: KeyRelay,
  ) {}

  /** It may be repeated. A key that is not there changes nothing: its subscription was given up before it was made. */
  async execute(told: SubscriptionsChangedV1, now: Date): Promise<void> {
    await this.change(told, now);
    this.relay.wake();
  }

  /** The same; resolves with true once the snapshot of these or newer terms is written, with false if not in time. */
  async everywhere(told: SubscriptionsChangedV1, now: Date): Promise<boolean> {
    const { keys, written } = await this.change(told, now);
    const [key] = keys;
    return key === undefined || this.relay.changeWritten(key, written);
  }

  private change({ organizationId, apiKeyId, terms }: SubscriptionsChangedV1, now: Date): Promise<ChangedKeys> {
    return this.store.change(organizationId, [apiKeyId], (key) => {
      const changed = subscribedKey(key, terms);
      const details = { subscription_id: terms.subscriptionId };
      return changed && { change: 'updated', key: changed, actor: NOBODY, details, at: now };
    });
  }
}
