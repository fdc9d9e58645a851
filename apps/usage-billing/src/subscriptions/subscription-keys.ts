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
   * Makes the key under the id that was chosen for it. A repetition finds it, without its secret.
   * @throws {Problem} `organization_not_found`, `invalid_request`: a refusal stays one, however often it is asked;
   * `service_unavailable`
   */
  async make(
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
