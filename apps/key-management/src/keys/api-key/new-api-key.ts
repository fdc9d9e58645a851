import type { ApiKey, KeySecret } from './api-key.js';

/** What every new key must be told; all else of it has a value that restricts nothing. */
type NewKeyFields = Pick<ApiKey, 'id' | 'organizationId' | 'name' | 'scopes' | 'createdAt'> &
  Partial<Omit<ApiKey, 'secrets' | 'maskedKey'>>;

/** What is known of a secret when it is made. */
export type NewSecret = Pick<KeySecret, 'digests' | 'maskedKey'> & Partial<Pick<KeySecret, 'form'>>;

/** A new key of version 1 with one secret. What `fields` leaves out restricts nothing. */
export function newApiKey(fields: NewKeyFields, secret: NewSecret): ApiKey {
  return {
    kind: 'router',
    publicKey: null,
    projectId: null,
    memberId: null,
    subscription: null,
    description: null,
    expiresAt: null,
    creditLimitNanoUsd: null,
    creditReset: 'never',
    creditGeneration: 0,
    creditRaise: null,
    organizationCreditLimitNanoUsd: null,
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    models: null,
    allowedIps: null,
    browserUse: 'allowed',
    groupIds: [],
    rotateEveryDays: null,
    version: 1,
    revocation: null,
    disabledAt: null,
    deletedAt: null,
    ...fields,
    maskedKey: secret.maskedKey,
    secrets: [newSecret(fields.id, secret, fields.createdAt)],
  };
}

/** A present secret, which nothing ends but the end of its key. `id` of a key's first secret is the key's. */
export function newSecret(id: string, { digests, maskedKey, form = 'native' }: NewSecret, now: Date): KeySecret {
  return { id, digests, maskedKey, form, createdAt: now, endsAt: null, endWhenIdleSeconds: null, end: null };
}
