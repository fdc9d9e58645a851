import { checkScope as check } from '@tollgate/access';
import type { Scope } from '@tollgate/api-key';
import { accessRefusal } from '../access-refusal.js';
import type { Identified } from '../exchange/exchange.js';
import type { Refusal } from '../exchange/refusal.js';

/** Checks that the key has the scope of the endpoint. */
export function checkScope(scope: Scope): (exchange: Identified) => Refusal | undefined {
  return (exchange) => {
    const refused = check(exchange.key, scope);
    return refused === null ? undefined : accessRefusal(refused);
  };
}
