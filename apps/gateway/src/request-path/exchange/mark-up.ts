import { withMarkUp } from '@tollgate/pricing';
import type { Exchange } from './exchange.js';

const MILLION = 1_000_000n;

/** What a request costs beyond its cost, in millionths of it: by the plan of its key, else by its organisation. */
export function markUpOf({ key }: Pick<Exchange, 'key'>): number {
  return key?.markUpMillionths ?? 0;
}

/** The most that is charged for a call that costs this much at most, in nano-USD. */
export function markedUp(amountNanoUsd: bigint, exchange: Pick<Exchange, 'key'>): bigint {
  const markUpMillionths = markUpOf(exchange);
  return markUpMillionths === 0 ? amountNanoUsd : withMarkUp(amountNanoUsd * MILLION, markUpMillionths);
}
