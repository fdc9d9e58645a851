/** The release of this code. A test checks that it equals the version in package.json. */
export const RELEASE = '0.1.0';

const FORM = /^\d+\.\d+\.\d+$/;

/**
 * Whether code of `release` can use a schema that is readable from the release `readableFrom` on; false if
 * `readableFrom` does not have the form of a release.
 */
export function canRead(readableFrom: string, release: string = RELEASE): boolean {
  if (!FORM.test(readableFrom)) return false;
  const ours = partsOf(release);
  for (const [place, wanted] of partsOf(readableFrom).entries()) {
    const own = ours[place] ?? 0;
    if (wanted !== own) return wanted < own;
  }
  return true;
}

const partsOf = (release: string): number[] => release.split('.').map(Number);
