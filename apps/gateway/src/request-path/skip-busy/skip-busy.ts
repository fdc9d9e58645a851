import { retryHeaders } from '../admit/rate-limit-headers.js';
import { keepTargets, type Routed } from '../exchange/exchange.js';
import { isBusy } from '../../providers/provider.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

const RETRY_AFTER_MS = 1_000;

/**
 * Removes targets whose provider has all its connections in use, so that the next target gets the call. In a queue it
 * would wait for as long as the calls before it take.
 */
export function skipBusy(exchange: Routed): Refusal | undefined {
  const { targets } = exchange;
  if (!targets.some(({ provider }) => isBusy(provider))) return undefined;
  const left = targets.filter(({ provider }) => !isBusy(provider));
  return keepTargets(exchange, left) ? undefined : refuse('provider_busy', { headers: retryHeaders(RETRY_AFTER_MS) });
}
