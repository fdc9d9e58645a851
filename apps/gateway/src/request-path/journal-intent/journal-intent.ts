import { priceVersionWith } from '@tollgate/config';
import type { Journal } from '../../journal/journal.js';
import { JournaledRequest } from '../../journal/journaled-request.js';
import type { GatewayIdentity } from '../exchange/gateway-identity.js';
import { gatewayPart } from '../event-parts.js';
import { eventHead, intentText } from '../event-text.js';
import type { Routed } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

const UNAVAILABLE = refuse('journal_unavailable');

/** Journals that a provider is about to be called, with all that the usage event needs if this process dies. */
export function journalIntent(
  journal: Journal,
  { journalId }: GatewayIdentity,
  priceVersion: string,
): (exchange: Routed) => Promise<Refusal | undefined> {
  const gateway = gatewayPart({ eventVersion: 2, journalId, priceVersion });
  // Requests of the same turn are written together, and share the result.
  let written: Promise<boolean> | null = null;
  let answer: Promise<Refusal | undefined> = Promise.resolve(undefined);
  return (exchange) => {
    const own = exchange.route.ownPriceVersion;
    const part =
      own === undefined
        ? gateway
        : gatewayPart({ eventVersion: 2, journalId, priceVersion: priceVersionWith(priceVersion, own) });
    exchange.eventHead = eventHead(part, exchange);
    exchange.journaled = new JournaledRequest(exchange.requestId, exchange.key.snapshot.organizationId);
    const writing = journal.append('I', exchange.journaled, 0, intentText(exchange));
    if (writing !== written) {
      written = writing;
      answer = writing.then((taken) => (taken ? undefined : UNAVAILABLE));
    }
    return answer;
  };
}
