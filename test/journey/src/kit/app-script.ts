import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository; the same distance from `src/kit` and from `dist/kit`. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url));

/**
 * Options of Node.js for a standalone that lives for seconds: its database is WebAssembly, and to compile that with the
 * optimising compiler too takes a third of what a start costs. It runs the same code, more slowly.
 */
export const shortLived: readonly string[] = ['--liftoff-only'];

/** The compiled entry of an app, in the root of a built release. */
export function appScript(app: string, release = repository): string {
  return join(release, 'apps', app, 'dist/main.js');
}
