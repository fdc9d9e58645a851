import { checkAddress } from '@tollgate/access';
import { accessRefusal } from '../access-refusal.js';
import type { Identified } from '../exchange/exchange.js';
import type { Refusal } from '../exchange/refusal.js';

/** Whether the key may be used from this address: the peer's own, for no header is believed. */
export function checkNetwork(exchange: Identified): Refusal | undefined {
  const refused = checkAddress(exchange.key, exchange.clientAddress);
  return refused === null ? undefined : accessRefusal(refused);
}
