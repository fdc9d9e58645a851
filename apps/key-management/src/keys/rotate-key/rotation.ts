import { isUsable, presentSecret, type ApiKey, type KeySecret, type SecretEndReason } from '../api-key/api-key.js';
import { newSecret, type NewSecret } from '../api-key/new-api-key.js';

/** How a rotation lets the secret before end. */
export interface RotationTerms {
  /** 0 ends it at once. */
  readonly gracePeriodSeconds: number;
  /** It also ends when it was not used for this long; null if idleness does not end it. */
  readonly endWhenIdleSeconds: number | null;
}

/** The key after a rotation, or why it cannot be rotated. */
export type RotationResult =
  | { readonly kind: 'rotated'; readonly key: ApiKey }
  /** The key has ended for good. */
  | { readonly kind: 'revoked' }
  | { readonly kind: 'expired' }
  /** Another secret than the present one may still be used. */
  | { readonly kind: 'open' };

/**
 * The key with a new secret, in its next version. Nothing else of it changes: it has no later expiry, no other limit
 * and no more scopes. The secret before can be used until its grace period ends, and never longer than the key. A
 * disabled key can be rotated: none of its secrets can be used until it is enabled.
 */
export function rotated(
  key: ApiKey,
  id: string,
  secret: NewSecret,
  { gracePeriodSeconds, endWhenIdleSeconds }: RotationTerms,
  now: Date,
): RotationResult {
  if (key.revocation !== null) return { kind: 'revoked' };
  if (key.expiresAt !== null && key.expiresAt <= now) return { kind: 'expired' };
  const present = presentSecret(key);
  const others = key.secrets.filter((each) => each !== present);
  if (others.some((each) => isUsable(each, now))) return { kind: 'open' };
  const endsAt = new Date(now.getTime() + gracePeriodSeconds * 1_000);
  const before: KeySecret = { ...present, endsAt, endWhenIdleSeconds };
  const after = newSecret(id, secret, momentAfter(present, now));
  const secrets = [...others.map((each) => endedByNow(each, 'grace', now)), endedByNow(before, null, now), after];
  return { kind: 'rotated', key: { ...key, version: key.version + 1, maskedKey: after.maskedKey, secrets } };
}

/**
 * The key after those of its secrets ended that `ends` chooses; null if nothing changes. The present secret is not
 * asked about: it ends with its key. One whose grace period is over ended then, for that reason.
 */
export function withSecretsEnded(
  key: ApiKey,
  reason: SecretEndReason,
  ends: (secret: KeySecret) => boolean,
  now: Date,
): ApiKey | null {
  const present = presentSecret(key);
  const secrets = key.secrets.map((each) =>
    each !== present && each.end === null && ends(each) ? endedByNow(each, reason, now) : each,
  );
  return secrets.some((each, at) => each !== key.secrets[at]) ? { ...key, version: key.version + 1, secrets } : null;
}

/**
 * The key after one of its secrets was found in a leak, while the key lives on; null if nothing changes. A secret that
 * had ended keeps the moment of its end; that it leaked makes gateways abort what it still has under way.
 */
export function withSecretLeaked(key: ApiKey, secretId: string, now: Date): ApiKey | null {
  const leaked = key.secrets.find(({ id }) => id === secretId);
  if (leaked === undefined || leaked === presentSecret(key) || leaked.end?.reason === 'leaked') return null;
  const at = endedByNow(leaked, 'leaked', now).end?.at ?? now;
  const secrets = key.secrets.map((each) =>
    each === leaked ? { ...each, end: { reason: 'leaked' as const, at } } : each,
  );
  return { ...key, version: key.version + 1, secrets };
}

/**
 * From when on a secret can be used no more: it ended, its grace period ends, or its key expires. Null while nothing of
 * this is known.
 */
export function endOfSecret(key: Pick<ApiKey, 'expiresAt'>, { end, endsAt }: KeySecret): Date | null {
  if (end !== null) return end.at;
  if (endsAt === null || key.expiresAt === null) return endsAt ?? key.expiresAt;
  return endsAt < key.expiresAt ? endsAt : key.expiresAt;
}

/** A secret whose grace period is over ended then; others end now, if there is a reason. */
function endedByNow(secret: KeySecret, reason: SecretEndReason | null, now: Date): KeySecret {
  const { end, endsAt } = secret;
  if (end !== null) return secret;
  if (endsAt !== null && endsAt <= now) return { ...secret, end: { reason: 'grace', at: endsAt } };
  return reason === null ? secret : { ...secret, end: { reason, at: now } };
}

/** Secrets are ordered by the moment of their creation, also those that another machine's clock has dated. */
function momentAfter({ createdAt }: KeySecret, now: Date): Date {
  return now > createdAt ? now : new Date(createdAt.getTime() + 1);
}
