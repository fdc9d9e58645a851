import { fileURLToPath } from 'node:url';

/** The root of the repository; the relative path is the same from `src` and from `dist`. */
export const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** The chart's folder. */
export const chartFolder = `${repository}deploy/kubernetes/chart`;
