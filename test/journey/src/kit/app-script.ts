import { fileURLToPath } from 'node:url';

/** The root of the repository; the same distance from `src/kit` and from `dist/kit`. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url));

/** The compiled entry of an app. */
export function appScript(app: string): string {
  return `${repository}apps/${app}/dist/main.js`;
}
