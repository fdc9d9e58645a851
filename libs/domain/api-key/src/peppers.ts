import { digestSecret, pepperId } from './secret.js';

/**
 * The peppers of a deployment: the present one and, while that is being replaced, the previous one. Keys are known
 * under either.
 */
export type Peppers = readonly [present: string] | readonly [present: string, previous: string];

/** The pepper, and the previous one where that is given. The same one twice is one pepper. */
export function peppersOf(present: string, previous: string | undefined): Peppers {
  return previous === undefined || previous === present ? [present] : [present, previous];
}

/** The digests of a secret under each pepper, in their order. */
export function digestsUnder(plaintext: string, peppers: Peppers): string[] {
  return peppers.map((pepper) => digestSecret(plaintext, pepper));
}

/** The names of the peppers, in their order. */
export function pepperIds(peppers: Peppers): string[] {
  return peppers.map(pepperId);
}
