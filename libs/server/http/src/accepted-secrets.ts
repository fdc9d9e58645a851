import { matchesSecret } from './bearer.js';

/**
 * The texts that are accepted as one secret: the present one first, and after it the previous one while that is being
 * replaced (`TOLLGATE_…_PREVIOUS`). Each is the secret itself or its `secretDigest`.
 */
export type AcceptedSecrets = readonly [string, ...string[]];

/** The secret of the environment, and the previous one where that is given too. */
export function acceptedSecrets(secret: string, previous: string | undefined): AcceptedSecrets {
  return previous === undefined ? [secret] : [secret, previous];
}

/** Compares with all of them, so that the time does not show which one was right. */
export function isAccepted(given: string, accepted: AcceptedSecrets): boolean {
  return accepted.map((secret) => matchesSecret(given, secret)).includes(true);
}
