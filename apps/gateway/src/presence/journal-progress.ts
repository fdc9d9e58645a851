import type { Journal } from '../journal/journal.js';
import type { InFlight } from '../request-path/exchange/in-flight.js';

/** Journals the output of long streams as progress, so that it is charged even if the process is killed. */
export function journalProgress(inFlight: InFlight, journal: Journal): void {
  for (const exchange of inFlight) {
    if (exchange.journaled === null || exchange.settled || exchange.providerCall === null) continue;
    const outputTokens = exchange.providerCall.deliveredTokens();
    if (outputTokens <= exchange.journaledOutputTokens) continue;
    exchange.journaledOutputTokens = outputTokens;
    const progress = JSON.stringify({ outputTokens });
    void journal.append('P', exchange.journaled, 0, progress);
  }
}
