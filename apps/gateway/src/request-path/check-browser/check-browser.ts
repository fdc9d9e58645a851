import { checkBrowser as check } from '@tollgate/access';
import { accessRefusal } from '../access-refusal.js';
import type { Identified } from '../exchange/exchange.js';
import type { Refusal } from '../exchange/refusal.js';

/**
 * Checks that a key which is not for web pages is not used by one. Browsers add `Origin` or `Sec-Fetch-Site` to what a
 * page sends, and a page cannot take them away. `Sec-Fetch-Mode` says nothing: Node.js sends it with each `fetch`.
 */
export function checkBrowser({ key, request }: Identified): Refusal | undefined {
  if (!key.refusesPages) return undefined;
  const { headers } = request;
  const refused = check(key, headers.origin !== undefined || headers['sec-fetch-site'] !== undefined);
  return refused === null ? undefined : accessRefusal(refused);
}
