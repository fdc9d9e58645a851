import { SCOPES } from '../../api-key/scope.js';
import type { KeySnapshot } from '../../api-key/snapshot.js';
import { z } from 'zod';
import { digest, id, instant, nanoUsd } from '../primitives.js';

const identity = { apiKeyId: id, organizationId: id, version: z.int().positive(), digests: z.array(digest).readonly() };
const limit = z.int().positive().nullable();

/** A key snapshot on the wire (internal API, Redis). What does not parse denies that key alone. */
export const keySnapshot: z.ZodType<KeySnapshot> = z.discriminatedUnion('state', [
  z.strictObject({
    ...identity,
    state: z.literal('active'),
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)).readonly(),
    expiresAtMs: z.number().nullable(),
    models: z.array(z.string()).readonly().nullable(),
    allowedIps: z.array(z.string()).readonly().nullable(),
    rateLimits: z.strictObject({ requestsPerMinute: limit, tokensPerMinute: limit, parallelRequests: limit }),
    accounts: z.array(z.strictObject({ accountId: id, capNanoUsd: nanoUsd.nullable() })).min(1).readonly(),
  }),
  z.strictObject({ ...identity, state: z.literal('revoked'), reason: z.enum(['revoked', 'deleted', 'leaked']) }),
]);

/** `POST /internal/keys/verify` {digest} → {snapshot | null}: the authority's answer, from Postgres. */
export const verifyKeyRequest = z.strictObject({ digest });
export const verifyKeyReply = z.strictObject({ snapshot: keySnapshot.nullable() });

/** `POST /internal/leaked-keys/revoke`: bulk look-up and revoke; one result for each digest asked, in order. */
export const revokeLeakedKeysRequest = z.strictObject({ origin: z.string(), digests: z.array(digest).max(10_000) });
export const leakedKeyOutcome = z.strictObject({
  digest,
  /** `pending`: committed, but the tombstone did not reach Redis within the bound; the outbox goes on trying. */
  outcome: z.enum(['revoked', 'pending', 'already_revoked', 'unknown']),
  key: z.strictObject({
    apiKeyId: id,
    organizationId: id,
    name: z.string(),
    maskedKey: z.string(),
    revokedAt: instant,
    ownerEmails: z.array(z.string()),
  }).nullable(),
});
export const revokeLeakedKeysReply = z.strictObject({ items: z.array(leakedKeyOutcome) });
export type LeakedKeyOutcome = z.infer<typeof leakedKeyOutcome>;

/** What the other services may ask of key-management. Over HTTP, or direct in the standalone. */
export interface KeyManagementApi {
  /** The key that answers to this digest; null for none. Throws where Postgres cannot be asked. */
  verifyKey(digest: string): Promise<KeySnapshot | null>;
  revokeLeakedKeys(request: z.infer<typeof revokeLeakedKeysRequest>): Promise<LeakedKeyOutcome[]>;
}
