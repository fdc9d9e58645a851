/** The first bytes of the kinds of images that all makers of models take. */
const BEGINNINGS: readonly (readonly [mediaType: string, beginning: RegExp])[] = [
  ['image/png', /^\x89PNG\r\n\x1a\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
];
/** Base64 of 15 bytes, of which the longest beginning needs 12. */
const BEGINNING_LENGTH = 20;

/**
 * The media type of an image in base64, by its first bytes: labels are often wrong (`image/jpg`, or a PNG that is
 * called JPEG), and Anthropic refuses a wrong one. Null if it is no PNG, JPEG, GIF or WebP.
 */
export function imageTypeOf(base64: string): string | null {
  const beginning = Buffer.from(base64.slice(0, BEGINNING_LENGTH), 'base64').toString('latin1');
  return BEGINNINGS.find(([, pattern]) => pattern.test(beginning))?.[0] ?? null;
}

/** The media type and the base64 of a data URL; null if it is no such URL in base64. */
export function readDataUrl(url: string): { readonly mediaType: string; readonly base64: string } | null {
  const match = /^data:([^,;]*)(?:;[^,;]*)*;base64,/i.exec(url.slice(0, 256));
  if (match === null) return null;
  return { mediaType: (match[1] ?? '').toLowerCase(), base64: url.slice(match[0].length) };
}
