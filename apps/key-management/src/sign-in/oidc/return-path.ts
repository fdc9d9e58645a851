/** Longer paths are none of ours. */
export const RETURN_PATH_LENGTH_MAX = 2_000;

/**
 * The path of our own origin that a text names, with its query and fragment; null for anything else. What browsers read
 * as another origin (`//host`, `/\host`, a tab or line break in between) is refused before it is parsed.
 */
export function returnPath(text: string, publicUrl: string): string | null {
  if (text.length > RETURN_PATH_LENGTH_MAX || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)) return null;
  if (!URL.canParse(text, publicUrl)) return null;
  const url = new URL(text, publicUrl);
  const path = url.pathname + url.search + url.hash;
  return url.origin === new URL(publicUrl).origin && !path.startsWith('//') ? path : null;
}
