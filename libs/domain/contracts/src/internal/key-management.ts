import { SCOPES, type KeySnapshot, type OrganizationSnapshot, type Scope } from '@tollgate/api-key';
import { z } from 'zod';
import { ledgerId } from '../ledger-text.js';
import { DEFAULT_ORGANIZATION_ID } from '../organizations.js';
import { digest, id, instant, nanoUsd, readableItems } from '../primitives.js';

const identity = {
  form: z.int().positive().optional(),
  apiKeyId: ledgerId,
  organizationId: ledgerId,
  version: z.int().positive(),
  digests: z.array(digest).readonly(),
};
const limit = z.int().positive().nullable();
/** A scope of a later release opens nothing here, and is no reason to refuse what the others open. */
const scopes = z
  .array(z.string())
  .transform((names): readonly Scope[] =>
    names.filter((name): name is Scope => (SCOPES as readonly string[]).includes(name)),
  );

/**
 * A key snapshot on the wire (internal API, Redis). What does not parse, a state of a later release among it, denies
 * that key alone. Unknown fields are passed over: a later release that wants a key refused by gateways of this one
 * gives it a new `state`. A tombstone is one whatever its reason.
 */
export const keySnapshot: z.ZodType<KeySnapshot> = z.discriminatedUnion('state', [
  z.object({
    ...identity,
    state: z.literal('active'),
    name: z.string(),
    scopes,
    expiresAtMs: z.number().nullable(),
    models: z.array(z.string()).readonly().nullable(),
    allowedIps: z.array(z.string()).readonly().nullable(),
    rateLimits: z.object({ requestsPerMinute: limit, tokensPerMinute: limit, parallelRequests: limit }),
    accounts: z
      .array(z.object({ accountId: ledgerId, capNanoUsd: nanoUsd.nullable() }))
      .min(1)
      .readonly(),
  }),
  z.object({
    ...identity,
    state: z.literal('revoked'),
    reason: z.enum(['revoked', 'deleted', 'leaked']).catch('revoked'),
  }),
]);

/**
 * An organisation's snapshot on the wire (internal API, Redis). What does not parse, a state of a later release among
 * it, denies the keys of that organisation.
 */
export const organizationSnapshot: z.ZodType<OrganizationSnapshot> = z.object({
  organizationId: ledgerId,
  version: z.int().positive(),
  state: z.literal('active'),
  capNanoUsd: nanoUsd.nullable(),
});

/**
 * `POST /internal/keys/verify` {digest} → {snapshot, organization}: the authority's answer, from Postgres. Null for a
 * digest that is nobody's. The release before does not send the organisation.
 */
export const verifyKeyRequest = z.object({ digest });
export const verifyKeyReply = z.object({
  snapshot: keySnapshot.nullable(),
  organization: organizationSnapshot.nullable().default(null),
});
export type VerifiedKey = z.infer<typeof verifyKeyReply>;

/**
 * `POST /internal/keys/known`: which of these ids a key of the organisation has or had; deleted keys are known. The
 * release before names no organisation, and has keys of no other than the default one.
 */
export const knownKeysRequest = z.object({
  organizationId: ledgerId.default(DEFAULT_ORGANIZATION_ID),
  apiKeyIds: z.array(id).max(1_000),
});
export const knownKeysReply = z.object({ apiKeyIds: z.array(id) });

/** Digests that one call may revoke; a longer list takes several. */
export const LEAKED_DIGESTS_MAX = 10_000;

/**
 * `POST /internal/leaked-keys/revoke`: bulk look-up and revoke; one result for each digest asked, in order. A result
 * that cannot be read is left out of the reply as it is read: of its digest nothing is known.
 */
export const revokeLeakedKeysRequest = z.object({
  origin: z.string(),
  digests: z.array(digest).max(LEAKED_DIGESTS_MAX),
});
export const leakedKeyOutcome = z.object({
  digest,
  /** `pending`: committed, but the tombstone did not reach Redis within the bound; the outbox goes on trying. */
  outcome: z.enum(['revoked', 'pending', 'already_revoked', 'unknown']),
  key: z
    .object({
      apiKeyId: id,
      organizationId: id,
      name: z.string(),
      maskedKey: z.string(),
      revokedAt: instant,
      ownerEmails: z.array(z.string()),
    })
    .nullable(),
});
export const revokeLeakedKeysReply = z.object({ items: readableItems(leakedKeyOutcome) });
export type LeakedKeyOutcome = z.infer<typeof leakedKeyOutcome>;

/** Token of the `KeyManagementApi` of a process: key-management itself, or its client. */
export const KEY_MANAGEMENT_API = Symbol('KEY_MANAGEMENT_API');

/** What the other services may ask of key-management. Over HTTP, or direct in the standalone. */
export interface KeyManagementApi {
  /** The key that answers to this digest, with its organisation. Throws where Postgres cannot be asked. */
  verifyKey(digest: string): Promise<VerifiedKey>;
  /** Those of the ids that a key of the organisation has or had, in no order. Throws where Postgres cannot be asked. */
  knownKeys(organizationId: string, apiKeyIds: readonly string[]): Promise<readonly string[]>;
  revokeLeakedKeys(request: z.infer<typeof revokeLeakedKeysRequest>): Promise<LeakedKeyOutcome[]>;
}
