/** The release that this code is of: the version of its package, to which a test holds it. */
export const RELEASE = '0.1.0';

const FORM = /^\d+\.\d+\.\d+$/;

/**
 * Whether code of `release` can use what is readable from `readableFrom` on. What has not the form of a release is not.
 */
export function canRead(readableFrom: string, release: string = RELEASE): boolean {
  if (!FORM.test(readableFrom)) return false;
  const [wanted, ours] = [readableFrom, release].map((text) => text.split('.').map(Number));
  const differs = wanted!.findIndex((part, place) => part !== ours![place]);
  return differs === -1 || wanted![differs]! < ours![differs]!;
}
