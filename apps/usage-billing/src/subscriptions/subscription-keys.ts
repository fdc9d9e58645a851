import { Inject, Injectable, Optional } from '@nestjs/common';
import {
  KEY_MANAGEMENT_API,
  type ApiKeyStatus,
  type CreatedSubscriptionKey,
  type KeyManagementApi,
  type SubscriptionTerms,
} from '@tollgate/contracts';
import { InternalCallError, Problem } from '@tollgate/http';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { Subscription } from './subscription.js';

/** A key that is to be made. */
export interface SubscriptionKey {
  readonly apiKeyId: string;
  readonly name: string;
  readonly terms: SubscriptionTerms;
}

/** A request that has not answered within this time was broken off: who repeats it goes on with it. */
export const MAKING_MS = 10_000;
/** How often a key is asked for, if one was made and nobody was shown its secret. */
const ATTEMPTS = 3;

/** What becomes of a key whose id is stored before key-management is asked for it. */
interface KeyAttempts<Chosen extends SubscriptionKey> {
  /** Gives up a key that is there and whose secret nobody was shown, and chooses another. */
  instead(chosen: Chosen): Promise<Chosen>;
  /** The key could not be made, or may come to be later: somebody may try again at once. */
  failed(chosen: Chosen): Promise<unknown>;
}

/** A key that was made, with its secret. */
export interface MadeKey<Chosen extends SubscriptionKey> {
  readonly chosen: Chosen;
  readonly maskedKey: string;
  readonly secret: string;
}

/** The keys of subscriptions, which key-management makes and keeps. Never ask it inside a transaction. */
@Injectable()
export class SubscriptionKeys {
  constructor(
    @Optional()
    @Inject(KEY_MANAGEMENT_API)
    private readonly keyManagement:
      Partial<Pick<KeyManagementApi, 'createSubscriptionKey' | 'knownOwners'>> | undefined,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Makes a key and resolves with its secret. One that is there already was made by a request that was broken off:
   * nobody has been shown its secret, so it is given up and another is made.
   * @throws {Problem} `organization_not_found`, `invalid_request`: a refusal stays one, however often it is asked;
   * `service_unavailable`; what `instead` throws
   */
  async makeWithSecret<Chosen extends SubscriptionKey>(
    subscriber: Pick<Subscription, 'organizationId' | 'memberId'>,
    first: Chosen,
    attempts: KeyAttempts<Chosen>,
  ): Promise<MadeKey<Chosen>> {
    let chosen = first;
    for (let left = ATTEMPTS; ; left -= 1) {
      try {
        const { maskedKey, secret } = await this.make(subscriber, chosen);
        if (secret !== null) return { chosen, maskedKey, secret };
        if (left <= 1) throw new Problem('service_unavailable');
      } catch (error) {
        await attempts.failed(chosen);
        throw error;
      }
      chosen = await attempts.instead(chosen);
    }
  }

  /** Makes the key under the id that was chosen for it. A repetition finds it, without its secret. */
  private async make(
    { organizationId, memberId }: Pick<Subscription, 'organizationId' | 'memberId'>,
    { apiKeyId, name, terms }: SubscriptionKey,
  ): Promise<CreatedSubscriptionKey> {
    if (this.keyManagement?.createSubscriptionKey === undefined)
      throw new Problem('service_unavailable', { detail: 'KEY_MANAGEMENT_URL is not set, so no key can be made.' });
    try {
      return await this.keyManagement.createSubscriptionKey({
        apiKeyId,
        organizationId,
        name,
        expiresAt: null,
        creditLimitNanoUsd: null,
        creditReset: 'never',
        models: terms.models,
        rateLimits: terms.rateLimits,
        memberId,
        terms,
      });
    } catch (cause) {
      const code = refusalOf(cause);
      if (code !== null) throw new Problem(code, { cause });
      this.logger.warn({ err: cause }, 'key-management did not make the key of a subscription');
      throw new Problem('service_unavailable', { cause });
    }
  }

  /** What keys of an organisation are, by their ids. One is left out where it cannot be asked. */
  async statuses(organizationId: string, apiKeyIds: readonly string[]): Promise<ReadonlyMap<string, ApiKeyStatus>> {
    try {
      const known = await this.keyManagement?.knownOwners?.({ organizationId, apiKeyIds: [...apiKeyIds] });
      return new Map(known?.apiKeys.flatMap(({ id, status }) => (status === undefined ? [] : [[id, status]])));
    } catch (err) {
      this.logger.warn({ err }, 'key-management did not say what the keys of subscriptions are');
      return new Map();
    }
  }
}

/** The code of a refusal that stays one however often it is asked; null for all else. */
function refusalOf(error: unknown): 'organization_not_found' | 'invalid_request' | null {
  const code = error instanceof Problem ? error.code : error instanceof InternalCallError ? error.refusal?.code : null;
  return code === 'organization_not_found' || code === 'invalid_request' ? code : null;
}
