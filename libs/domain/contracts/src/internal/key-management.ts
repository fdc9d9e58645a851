import {
  BROWSER_USES,
  CREDIT_RESETS,
  SCOPES,
  SECRET_FORMS,
  type KeySnapshot,
  type OrganizationSnapshot,
  type Scope,
} from '@tollgate/api-key';
import { ROLES } from '@tollgate/access';
import { z } from 'zod';
import { ledgerId } from '../ledger-text.js';
import { DEFAULT_ORGANIZATION_ID } from '../organizations.js';
import { organizationsChangedV1 } from '../events/organizations-changed.v1.js';
import { subscriptionsChangedV1, subscriptionTerms } from '../events/subscriptions-changed.v1.js';
import { digest, id, instant, nanoUsd, organizationPrices, readableItems, uuid } from '../primitives.js';

const identity = {
  form: z.int().positive().optional(),
  apiKeyId: ledgerId,
  organizationId: ledgerId,
  version: z.int().positive(),
  digests: z.array(digest).readonly(),
};
const limit = z.int().positive().nullable();
const capRaise = z.object({ amountNanoUsd: nanoUsd, untilMs: z.number() });
const payg = z.object({ capNanoUsd: nanoUsd, raise: capRaise.exactOptional() }).nullable();
const subscription = z.object({
  subscriptionId: ledgerId,
  anchorMs: z.int(),
  quotas: z
    .array(z.object({ fromMs: z.int(), quotaNanoUsd: nanoUsd }))
    .min(1)
    .readonly(),
  endsAtMs: z.int().nullable(),
  payg,
  markupMillionths: z.int().nonnegative().exactOptional(),
  cycleTerms: z
    .array(z.object({ fromMs: z.int(), payg, markupMillionths: z.int().nonnegative().nullable() }))
    .min(1)
    .readonly()
    .exactOptional(),
});
const SUBSCRIPTION_NAME_LENGTH_MAX = 100;
/** Longer than any credential or address of ours. */
const CREDENTIAL_LENGTH_MAX = 200;
/** Drops scopes of later releases: an unknown scope grants nothing here, and the known ones still count. */
const scopes = z
  .array(z.string())
  .transform((names): readonly Scope[] =>
    names.filter((name): name is Scope => (SCOPES as readonly string[]).includes(name)),
  );

/**
 * A key snapshot on the wire (internal API, Redis). A snapshot that does not parse, for example because of a state of a
 * later release, denies that key alone. Unknown fields are ignored: a later release that wants gateways of this one to
 * refuse a key gives it a new `state`. A tombstone with an unknown reason is still a tombstone.
 */
export const keySnapshot: z.ZodType<KeySnapshot> = z.discriminatedUnion('state', [
  z.object({
    ...identity,
    state: z.enum(['active', 'extended', 'subscribed']),
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
    creditReset: z.enum(CREDIT_RESETS).exactOptional(),
    creditGeneration: z.int().nonnegative().exactOptional(),
    kind: z.enum(['router', 'project', 'subscription']).exactOptional(),
    publicKey: z.string().nullable().exactOptional(),
    projectId: z.string().nullable().exactOptional(),
    browserUse: z.enum(BROWSER_USES).exactOptional(),
    groups: z.array(z.string()).readonly().exactOptional(),
    creditRaise: capRaise.exactOptional(),
    subscription: subscription.exactOptional(),
    memberId: z.string().exactOptional(),
    secrets: z
      .array(
        z.object({
          id: ledgerId,
          digests: z.array(digest).readonly(),
          form: z.enum(SECRET_FORMS),
          endsAtMs: z.number().nullable(),
        }),
      )
      .readonly()
      .exactOptional(),
  }),
  z.object({
    ...identity,
    state: z.literal('revoked'),
    reason: z.enum(['revoked', 'deleted', 'leaked', 'disabled']).catch('revoked'),
    secretId: ledgerId.exactOptional(),
  }),
]);

/**
 * An organisation's snapshot on the wire (internal API, Redis). A snapshot that does not parse, for example because of
 * a state of a later release, denies the keys of that organisation.
 */
export const organizationSnapshot: z.ZodType<OrganizationSnapshot> = z.object({
  organizationId: ledgerId,
  version: z.int().positive(),
  state: z.enum(['active', 'extended', 'billed', 'deleted']),
  capNanoUsd: nanoUsd.nullable(),
  capGeneration: z.int().nonnegative().exactOptional(),
  groupRoutes: z.record(z.string(), z.array(z.string()).readonly()).readonly().exactOptional(),
  capRaise: capRaise.exactOptional(),
  budgets: z
    .array(
      z.object({
        kind: z.enum(['group', 'project']),
        ownerId: ledgerId,
        capNanoUsd: nanoUsd,
        reset: z.enum(CREDIT_RESETS),
        generation: z.int().nonnegative(),
        raise: capRaise.exactOptional(),
      }),
    )
    .readonly()
    .exactOptional(),
  grants: z
    .array(z.object({ grantId: ledgerId, amountNanoUsd: nanoUsd, expiresAtMs: z.int().nullable() }))
    .readonly()
    .exactOptional(),
  markupMillionths: z.int().nonnegative().exactOptional(),
  prices: organizationPrices.exactOptional(),
});

/** A secret can have been imported in two forms, under two peppers. */
const FURTHER_DIGESTS_MAX = 4;

/**
 * `POST /internal/keys/verify` {digest} → {snapshot, organization}: reads a key from Postgres, as the authority.
 * `snapshot` is null if no key has the digest. The release before does not send `organization`.
 *
 * While a pepper is being replaced, `digest` is the one under the previous pepper, and `newDigest` the one of the same
 * secret under the present one: a key with either is found. A reader that does not know `newDigest` finds the keys that
 * were there before.
 *
 * `furtherDigests` are those that the secret has if it was imported, in each form and under each pepper. The release
 * before has no imported keys, and passes over them.
 */
export const verifyKeyRequest = z.object({
  digest,
  newDigest: digest.optional(),
  furtherDigests: z.array(digest).max(FURTHER_DIGESTS_MAX).optional(),
});
export const verifyKeyReply = z.object({
  snapshot: keySnapshot.nullable(),
  organization: organizationSnapshot.nullable().default(null),
});
/** A key and its organisation, as the authority knows them. */
export type VerifiedKey = z.infer<typeof verifyKeyReply>;

/**
 * `POST /internal/keys/known`: returns those of the ids that belong to keys of the organisation, deleted keys included.
 * The release before sends no `organizationId`: it only has keys of the default organisation.
 */
export const knownKeysRequest = z.object({
  organizationId: ledgerId.default(DEFAULT_ORGANIZATION_ID),
  apiKeyIds: z.array(id).max(1_000),
});
export const knownKeysReply = z.object({ apiKeyIds: z.array(id) });

/** The most ids of each kind in one call. */
export const KNOWN_OWNERS_MAX = 1_000;
const ownerIds = z.array(id).max(KNOWN_OWNERS_MAX);
const named = z.array(z.object({ id, name: z.string() }));
/** The person is absent from the release before. */
const namedMembers = z.array(z.object({ id, name: z.string(), personId: id.optional() }));

/** What can be said of a key; `leaked` was revoked since it was seen where it must not be. */
const API_KEY_STATUSES = ['active', 'disabled', 'expired', 'revoked', 'leaked'] as const;
export type ApiKeyStatus = (typeof API_KEY_STATUSES)[number];
/** A limit as it is now. `raise` is what may be spent beyond it before `untilMs`, in milliseconds since 1970. */
const presentLimit = z.object({
  capNanoUsd: nanoUsd,
  reset: z.enum(CREDIT_RESETS),
  raise: z.object({ amountNanoUsd: nanoUsd, untilMs: z.int() }).nullable(),
});
export type PresentLimit = z.infer<typeof presentLimit>;
const namedKeys = z.array(
  z.object({
    id,
    name: z.string(),
    /** Null without one; absent from the release before. */
    limit: presentLimit.nullable().optional(),
    /** Absent from the release before; another word of a later release is none that is known here. */
    status: z.enum(API_KEY_STATUSES).optional().catch(undefined),
  }),
);

/**
 * `POST /internal/owners/known`: which of these groups, projects and members an organisation has, with their names, and
 * whether it is there itself. What was deleted is left out. The release before does not know this call (404).
 */
export const knownOwnersRequest = z.object({
  organizationId: ledgerId,
  /** Of keys, deleted ones are there too. */
  apiKeyIds: ownerIds.default([]),
  groupIds: ownerIds.default([]),
  projectIds: ownerIds.default([]),
  memberIds: ownerIds.default([]),
});
export type KnownOwnersRequest = z.input<typeof knownOwnersRequest>;
export const knownOwnersReply = z.object({
  organization: z.boolean(),
  organizationName: z.string().nullable().default(null),
  /** Its own, which never resets. Null without one; absent from the release before. */
  organizationLimit: presentLimit.nullable().optional(),
  apiKeys: namedKeys.default([]),
  groups: named,
  projects: named,
  /** A member's name is their address. Who was removed and came back is another member, and the same person. */
  members: namedMembers,
});
/** Those that there are. */
export type KnownOwners = z.infer<typeof knownOwnersReply>;

/**
 * `POST /internal/organizations/contacts`: whom an alert about an organisation, or about one of its keys, goes to, and
 * what they call these. The release before does not know this call (404).
 */
export const contactsRequest = z.object({ organizationId: ledgerId, apiKeyId: id.nullable() });
export type ContactsRequest = z.input<typeof contactsRequest>;
export const contactsReply = z.object({
  /** Null if there is no such organisation, or it is deleted. */
  organizationName: z.string().nullable(),
  /** Null if the key is unknown, or none was asked for. */
  keyName: z.string().nullable(),
  ownerEmails: z.array(z.string()),
});
export type Contacts = z.infer<typeof contactsReply>;

/** The most keys of one call. */
export const ADDED_DIGESTS_MAX = 500;

/**
 * `POST /internal/keys/digests`: tells the digest under the present pepper of keys that are known under the previous
 * one. Each key that is not revoked gains it; pairs whose key is unknown or has it already are passed over.
 */
export const addDigestsRequest = z.object({
  digests: z.array(z.object({ known: digest, added: digest })).max(ADDED_DIGESTS_MAX),
});
/** A digest that a key is known by, and one of the same secret under the present pepper. */
export type AddedDigest = z.infer<typeof addDigestsRequest>['digests'][number];

/** The most digests of one call; a longer list needs several calls. */
export const LEAKED_DIGESTS_MAX = 10_000;

/**
 * `POST /internal/leaked-keys/revoke`: looks up and revokes many keys; the reply has one result for each digest, in
 * order. The reader leaves out a result that it cannot read; the outcome of that digest is then unknown.
 */
export const revokeLeakedKeysRequest = z.object({
  origin: z.string(),
  digests: z.array(digest).max(LEAKED_DIGESTS_MAX),
});
/** The result for one digest. `key` is null if no key has it. */
export const leakedKeyOutcome = z.object({
  digest,
  /** `pending`: committed, but the tombstone did not reach Redis in time; the outbox keeps retrying. */
  outcome: z.enum(['revoked', 'pending', 'already_revoked', 'unknown']),
  key: z
    .object({
      apiKeyId: id,
      organizationId: id,
      name: z.string(),
      /** Of the secret that was found. */
      maskedKey: z.string(),
      /** When the key was revoked; where one secret of it ended alone, when that one ended. */
      revokedAt: instant,
      ownerEmails: z.array(z.string()),
      /**
       * The secret that was found, if it was not the present one: it ended, and the key was left as it was. Absent
       * where the whole key was revoked. Releases before 2026-12 do not send it.
       */
      formerSecret: z
        .object({
          id,
          /** Whether the key can still be used by its present secret, or could be once it is enabled. */
          keyIsLive: z.boolean(),
        })
        .exactOptional(),
    })
    .nullable(),
});
export const revokeLeakedKeysReply = z.object({ items: readableItems(leakedKeyOutcome) });
/** What became of one leaked digest. */
export type LeakedKeyOutcome = z.infer<typeof leakedKeyOutcome>;

/** The most refused calls of one report. */
export const REFUSED_CALLS_MAX = 500;

/** Calls of the admin API that were refused: of one caller, at one route, for one reason. */
const refusedCall = z.object({
  /** Of who asked; null if that is not known. */
  organizationId: id.nullable(),
  principal: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.enum(['operator', 'unknown', 'several']) }),
      z.object({ kind: z.enum(['api_key', 'person']), id }),
    ])
    // A kind of a later release.
    .catch({ kind: 'unknown' }),
  address: z.string().max(200).nullable(),
  /** Of the first of them. */
  requestId: id,
  /** Method and path template, such as `GET /v1/api-keys/{id}`. */
  route: z.string().max(200),
  /** Of the error catalogue. */
  code: z.string().max(100),
  status: z.int(),
  count: z.int().positive(),
  firstAt: instant,
  lastAt: instant,
});
export type RefusedCall = z.infer<typeof refusedCall>;

/**
 * `POST /internal/audit/refusals`: writes refused calls to the audit trail. The release before does not know it (404).
 */
export const recordRefusedCallsRequest = z.object({ calls: readableItems(refusedCall) });
/**
 * `POST /internal/principals/identify`: whose a credential is that somebody showed to a service. `address` is the
 * client's, for the networks of a key. `organizationId` is the organisation that the request names, null for none: of a
 * person the reply has the role there, or none. The release before does not know this call (404).
 */
export const identifyPrincipalRequest = z.object({
  credential: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('api_key'), secret: z.string().max(CREDENTIAL_LENGTH_MAX) }),
    z.object({ kind: z.literal('session'), token: z.string().max(CREDENTIAL_LENGTH_MAX) }),
    /** Both halves of a project key. The release before does not know it, and refuses the question. */
    z.object({
      kind: z.literal('project_key'),
      publicKey: z.string().max(CREDENTIAL_LENGTH_MAX),
      secret: z.string().max(CREDENTIAL_LENGTH_MAX),
    }),
  ]),
  organizationId: id.nullable(),
  address: z.string().max(CREDENTIAL_LENGTH_MAX),
});
export type IdentifyPrincipalRequest = z.infer<typeof identifyPrincipalRequest>;

const foundPrincipal = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('api_key'),
    apiKeyId: id,
    organizationId: id,
    scopes,
    /** Of a project key whose both halves were shown. */
    projectId: id.exactOptional(),
    /** Its project and groups. The release before does not say it. */
    boundBy: z.object({ projectId: id.nullable(), groupIds: z.array(id).readonly() }).exactOptional(),
  }),
  z.object({
    kind: z.literal('person'),
    personId: id,
    sessionId: id,
    organizationId: id.nullable(),
    /** A role of a later release is none here. */
    role: z.enum(ROLES).nullable().catch(null),
    provenAtMs: z.number(),
    confinedTo: id.exactOptional(),
    oidcRequired: z.literal(true).exactOptional(),
  }),
]);
export const identifyPrincipalReply = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('identified'), principal: foundPrincipal }),
  /** No key and no session has the credential, or it has ended or expired: which of these is not said. */
  z.object({ outcome: z.literal('unknown') }),
  /** The key may not be used from the address. */
  z.object({ outcome: z.literal('ip_not_allowed') }),
]);
export type IdentifiedPrincipal = z.infer<typeof identifyPrincipalReply>;

/** `POST /internal/imports/known` {}: whether there are imported keys. The release before does not know it (404). */
export const importedKeysReply = z.object({ importedKeys: z.boolean() });
/**
 * `POST /internal/subscription-keys`: makes the key of a subscription. A plan calls it once a customer has subscribed,
 * with an id that it has stored with the subscription before, so that it may repeat the call: the key is made once. It
 * shows the secret to the customer in the reply to the subscription, and stores it nowhere. What the plan decides about
 * the key it says here; nobody changes that by hand. The release before does not know this call (404).
 */
export const createSubscriptionKeyRequest = z.object({
  /** The id that the key gets. */
  apiKeyId: uuid,
  organizationId: ledgerId,
  /** As the customer sees it; 1 to 100 characters. */
  name: z.string().min(1).max(SUBSCRIPTION_NAME_LENGTH_MAX),
  expiresAt: instant.nullable(),
  /** What the key may spend in each cycle; null is unlimited. */
  creditLimitNanoUsd: nanoUsd.nullable(),
  creditReset: z.enum(CREDIT_RESETS),
  models: z.array(z.string()).min(1).nullable(),
  rateLimits: z.object({ requestsPerMinute: limit, tokensPerMinute: limit, parallelRequests: limit }),
  /** The member that the key is for; absent or null for the organisation. */
  memberId: uuid.nullable().optional(),
  /**
   * What the key may do in each cycle. It goes before what is said above, which the release before reads; with it, the
   * limit above is null. Absent from the release before.
   */
  terms: subscriptionTerms.optional(),
});
export type CreateSubscriptionKeyRequest = z.infer<typeof createSubscriptionKeyRequest>;
export const createSubscriptionKeyReply = z.object({
  apiKeyId: id,
  maskedKey: z.string(),
  /** Null where the key was made by an earlier call. */
  secret: z.string().nullable(),
});
export type CreatedSubscriptionKey = z.infer<typeof createSubscriptionKeyReply>;

/**
 * `POST /internal/organizations/terms` and `POST /internal/subscriptions/terms`: the last message of
 * `organizations.changed.v1` or `subscriptions.changed.v1`, by which a change is answered once gateways decide by it.
 * The bus has the same message for when this call fails. The release before does not know these calls (404).
 */
export const takeOrganizationTermsRequest = organizationsChangedV1.extend({ organizationId: ledgerId });
export const takeSubscriptionTermsRequest = subscriptionsChangedV1.extend({ organizationId: ledgerId, apiKeyId: uuid });
export const takenTermsReply = z.object({
  /** Whether every gateway decides by them, or by newer ones; if false, they are still being told. */
  everywhere: z.boolean(),
});
export type TakenTerms = z.infer<typeof takenTermsReply>;

/** Token of the `KeyManagementApi` of a process: key-management itself, or its client. */
export const KEY_MANAGEMENT_API = Symbol('KEY_MANAGEMENT_API');

/** The internal API of key-management for the other services: over HTTP, or called directly in the standalone. */
export interface KeyManagementApi {
  /**
   * The key with this digest, and its organisation. While a pepper is being replaced, `previousDigest` is the digest of
   * the same secret under the previous one. `furtherDigests` are those that it has if it was imported. Throws if
   * Postgres is unreachable.
   */
  verifyKey(digest: string, previousDigest?: string | null, furtherDigests?: readonly string[]): Promise<VerifiedKey>;
  /** Adds digests under the present pepper to keys, at most `ADDED_DIGESTS_MAX`. It is safe to repeat. */
  addDigests(digests: readonly AddedDigest[]): Promise<void>;
  /**
   * The ids that belong to keys of the organisation, deleted ones too, in any order. Throws if Postgres is unreachable.
   */
  knownKeys(organizationId: string, apiKeyIds: readonly string[]): Promise<readonly string[]>;
  /**
   * Which of these an organisation has, in any order; of one that is deleted, none. Throws if Postgres is unreachable.
   */
  knownOwners(request: KnownOwnersRequest): Promise<KnownOwners>;
  /** Whom alerts go to; nobody for an organisation that is deleted. Throws if Postgres is unreachable. */
  contacts(request: ContactsRequest): Promise<Contacts>;
  /** Whose a credential is. Throws if Postgres is unreachable or too many look-ups wait. */
  identifyPrincipal(request: IdentifyPrincipalRequest): Promise<IdentifiedPrincipal>;
  revokeLeakedKeys(request: z.infer<typeof revokeLeakedKeysRequest>): Promise<LeakedKeyOutcome[]>;
  /** Whether secrets that other products have made may be those of keys: by what was imported, as far as is known. */
  mayHaveImportedKeys(): Promise<boolean>;
  /**
   * Makes the key of a subscription, once for each id. Throws if the organisation is not there, or Postgres is
   * unreachable.
   */
  createSubscriptionKey(request: CreateSubscriptionKeyRequest): Promise<CreatedSubscriptionKey>;
  /**
   * Takes what was agreed with an organisation, and answers when gateways decide by it, within about two seconds. It
   * may be repeated. Throws if Postgres is unreachable.
   */
  takeOrganizationTerms(terms: z.infer<typeof takeOrganizationTermsRequest>): Promise<TakenTerms>;
  /** The same for what the key of a subscription may do. */
  takeSubscriptionTerms(terms: z.infer<typeof takeSubscriptionTermsRequest>): Promise<TakenTerms>;
  /** Writes refused calls of the admin API to the audit trail; a repeated report counts twice. */
  recordRefusedCalls(calls: readonly RefusedCall[]): Promise<void>;
}
