import { checkAddress } from '@tollgate/access';
import { accessRefusal } from '../access-refusal.js';
import type { Exchange } from '../exchange.js';
import type { Refusal } from '../refusal.js';

/** Whether the key may be used from this address: the peer's own, for no header is believed. */
export function checkNetwork(exchange: Exchange): Refusal | undefined {
  const refused = checkAddress(exchange.key!, exchange.clientAddress);
  return refused === null ? undefined : accessRefusal(refused);
}
