import type { Journal } from '../../journal/journal.js';
import type { GatewayIdentity } from '../admit/admit.js';
import { eventHead, gatewayPart, intentText } from '../event-text.js';
import type { Exchange } from '../exchange.js';
import { refuse, type Refusal } from '../refusal.js';

/** Writes down that a provider is about to be called, with all that the usage event needs if this process dies. */
export function journalIntent(journal: Journal, { journalId }: GatewayIdentity, priceVersion: string): (exchange: Exchange) => Promise<Refusal | undefined> {
  const gateway = gatewayPart(journalId, priceVersion);
  return async (exchange) => {
    exchange.eventHead = eventHead(gateway, exchange);
    exchange.intended = await journal.append('I', exchange.requestId, exchange.key!.snapshot.organizationId, 0, intentText(exchange));
    return exchange.intended ? undefined : refuse('journal_unavailable');
  };
}
