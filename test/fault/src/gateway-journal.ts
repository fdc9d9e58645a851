import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Gateway } from '@tollgate/journey';

/**
 * Output tokens that the journal of a gateway says were delivered of a request, by its last progress; null where it has
 * none.
 */
export const lastProgressOf = (gateway: Gateway, requestId: string): number | null =>
  lastProgressIn(join(gateway.dataFolder, 'journal'), requestId);

/** The same, of the journal in a folder. */
export function lastProgressIn(folder: string, requestId: string): number | null {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
  const last = lines.findLast((line) => line.startsWith(`P ${requestId} `) && line.endsWith('}'));
  return last === undefined
    ? null
    : (JSON.parse(last.slice(last.indexOf('{'))) as { outputTokens: number }).outputTokens;
}
