/** The release of this code. A test checks that it equals the version in package.json. */
export const RELEASE = '0.1.0';

const FORM = /^\d+\.\d+\.\d+$/;

/**
 * Whether code of `release` can use a schema that is readable from the release `readableFrom` on; false if
 * `readableFrom` does not have the form of a release.
 */
export function canRead(readableFrom: string, release: string = RELEASE): boolean {
  if (!FORM.test(readableFrom)) return false;
  const [wanted, ours] = [readableFrom, release].map((text) => text.split('.').map(Number));
  const differs = wanted!.findIndex((part, place) => part !== ours![place]);
  return differs === -1 || wanted![differs]! < ours![differs]!;
}
