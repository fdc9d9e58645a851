import type { Journal } from '../journal/journal.js';
import { isJournaled, type Exchange, type Journaled } from '../request-path/exchange/exchange.js';
import type { UsedSoFar } from '../request-path/forward/call.js';
import { chargeOf } from '../request-path/settle/charge-of.js';
import { endText, type CallEnd } from '../request-path/settle/end-text.js';

/**
 * Journals what long streams have used as progress, so that it is charged even if the process is killed. A stream is
 * journaled when its answer has begun, and again whenever it has delivered more.
 */
export function journalProgress(inFlight: Iterable<Exchange>, journal: Pick<Journal, 'append'>): void {
  for (const exchange of inFlight) {
    if (!isJournaled(exchange) || exchange.settled || exchange.providerCall === null) continue;
    const outputTokens = exchange.providerCall.deliveredTokens();
    if (outputTokens <= exchange.journaledOutputTokens) continue;
    const used = exchange.providerCall.usedSoFar();
    if (used === null) continue;
    exchange.journaledOutputTokens = outputTokens;
    void journal.append('P', exchange.journaled, 0, progressText(exchange, outputTokens, used));
  }
}

/**
 * The JSON of a `Progress`: the part of the event that is known at the end of a call, as if it broke off now. The
 * process that ends the call for us puts in its number and its time.
 */
function progressText(
  exchange: Journaled,
  outputTokens: number,
  { target, usage: reported, usageSource }: UsedSoFar,
): string {
  const { usage, ...charge } = chargeOf(exchange, target, reported);
  const facts: CallEnd = {
    ...charge,
    usageSource,
    journalNumber: 0,
    outcome: 'orphaned',
    endedAt: Date.now(),
    statusCode: exchange.reply.headersSent ? exchange.reply.statusCode : null,
  };
  return `{"outputTokens":${outputTokens},"event":{${target.eventPart},${endText(usage, facts, exchange)}}}`;
}
