import { Injectable } from '@nestjs/common';
import { NOBODY } from '@tollgate/auth';
import { DEFAULT_SCOPES } from '@tollgate/api-key';
import type { CreatedSubscriptionKey, CreateSubscriptionKeyRequest } from '@tollgate/contracts';
import { fieldErrors, validate } from '@tollgate/errors';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore } from '../../store/key-store.js';
import { name } from '../create-key/key-fields.js';
import { KeyReferences } from '../create-key/key-references.js';
import { NewKeys } from '../create-key/new-keys.js';
import { settingsOfTerms } from '../take-subscription-terms/subscribed-key.js';

/**
 * Makes the key of a subscription, for the plan that a customer subscribes to. Nobody makes one by hand, and what the
 * plan decides about is not changed by hand either (`editedKey`).
 */
@Injectable()
export class CreateSubscriptionKey {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: KeyStore,
    private readonly newKeys: NewKeys,
    private readonly references: KeyReferences,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * Makes the key under the id that the plan has chosen for it. A repetition finds it, without its secret: who has not
   * seen that rotates the key.
   * @throws {Problem} `organization_not_found`, `invalid_request`
   */
  async execute(request: CreateSubscriptionKeyRequest, now: Date): Promise<CreatedSubscriptionKey> {
    const { apiKeyId: id, organizationId } = request;
    const named = validate(name, request.name);
    if (named.kind === 'invalid')
      throw new Problem('invalid_request', {
        errors: fieldErrors(named.faults.map((fault) => ({ ...fault, path: ['name'] }))),
      });
    const known = await this.store.find(organizationId, id);
    if (known !== null) return { apiKeyId: id, maskedKey: known.maskedKey, secret: null };
    const fields = {
      id,
      kind: 'subscription',
      name: named.value,
      scopes: DEFAULT_SCOPES,
      expiresAt: request.expiresAt === null ? null : new Date(request.expiresAt),
      creditLimitNanoUsd: request.creditLimitNanoUsd === null ? null : BigInt(request.creditLimitNanoUsd),
      creditReset: request.creditLimitNanoUsd === null ? 'never' : request.creditReset,
      models: request.models,
      rateLimits: request.rateLimits,
      memberId: request.memberId ?? null,
      ...(request.terms !== undefined && settingsOfTerms(request.terms)),
    } as const;
    const made = await this.database.inOrganization(organizationId, async (manager) => {
      // Whoever removes the member at once waits for the key, and ends it.
      const { memberId } = fields;
      if (memberId !== null && !(await this.references.isMember(manager, organizationId, memberId)))
        throw new Problem('invalid_request', {
          errors: [{ path: 'memberId', message: 'must be the id of a member of the organisation' }],
        });
      return this.newKeys.write(manager, organizationId, fields, NOBODY, now);
    });
    if (made.kind === 'invalid') throw new Problem('invalid_request', { errors: made.errors });
    await this.relay.snapshotsWritten(made.written);
    return { apiKeyId: id, maskedKey: made.key.maskedKey, secret: made.secret.reveal() };
  }
}
