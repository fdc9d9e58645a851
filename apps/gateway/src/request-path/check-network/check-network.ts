import { checkAddress } from '@tollgate/access';
import { accessRefusal } from '../access-refusal.js';
import type { Identified } from '../exchange/exchange.js';
import type { Refusal } from '../exchange/refusal.js';

/**
 * Checks that the key may be used from this address: the peer's own, or what a trusted proxy says. One that a proxy
 * does not tell is in no list.
 */
export function checkNetwork(exchange: Identified): Refusal | undefined {
  const refused = checkAddress(exchange.key, exchange.addressIsKnown ? exchange.clientAddress : '');
  return refused === null ? undefined : accessRefusal(refused);
}
