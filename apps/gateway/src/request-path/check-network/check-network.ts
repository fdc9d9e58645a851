import { checkAddress } from '@tollgate/access';
import { accessRefusal } from '../access-refusal.js';
import type { Identified } from '../exchange/exchange.js';
import type { Refusal } from '../exchange/refusal.js';

/** Checks that the key may be used from this address. It is the peer's own: no header is trusted. */
export function checkNetwork(exchange: Identified): Refusal | undefined {
  const refused = checkAddress(exchange.key, exchange.clientAddress);
  return refused === null ? undefined : accessRefusal(refused);
}
