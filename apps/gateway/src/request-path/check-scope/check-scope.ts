import type { Scope } from '@tollgate/api-key';
import type { Exchange } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

/** Whether the key may do this at all. */
export function checkScope(scope: Scope): (exchange: Exchange) => Refusal | undefined {
  return (exchange) =>
    exchange.key!.snapshot.scopes.includes(scope)
      ? undefined
      : refuse('access_denied', { message: `The API key lacks the scope ${scope}.` });
}
