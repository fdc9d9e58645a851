import type { Exchange } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

/**
 * Whether the key may be used from this address: the peer's own, for no header is believed. Unreadable addresses may
 * not.
 */
export function checkNetwork(exchange: Exchange): Refusal | undefined {
  const allows = exchange.key!.allowsAddress;
  return allows === null || allows(exchange.clientAddress) ? undefined : refuse('ip_not_allowed');
}
