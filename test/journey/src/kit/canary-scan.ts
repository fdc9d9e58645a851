import type { StoredBytes } from './stored-bytes.js';

/**
 * The places where one of these secrets stands in plain sight, also as base64 or as percent-encoded text. The secrets
 * themselves are not in the answer.
 */
export async function placesWithSecrets(
  secrets: Iterable<string>,
  places: AsyncIterable<StoredBytes> | Iterable<StoredBytes>,
): Promise<string[]> {
  const needles = [...secrets].flatMap((secret) => [Buffer.from(secret), ...base64Cores(secret)]);
  const found: string[] = [];
  for await (const { place, bytes } of places) {
    if (needles.some((needle) => bytes.includes(needle))) found.push(place);
  }
  return found;
}

/** What is common to every base64 text that contains the secret: one core for each of the three alignments. */
function base64Cores(secret: string): Buffer[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.from('\0'.repeat(shift) + secret)
      .toString('base64')
      .replace(/=+$/, '');
    // The first and last characters also hold bits of what stands around the secret.
    return Buffer.from(encoded.slice(shift === 0 ? 0 : shift + 1, -1));
  });
}
