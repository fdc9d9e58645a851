import type { Journal } from '../journal/journal.js';
import type { InFlight } from '../request-path/exchange/in-flight.js';

/** Long streams leave a trace of what they delivered, so that a kill does not make it free. */
export function journalProgress(inFlight: InFlight, journal: Journal): void {
  for (const exchange of inFlight) {
    if (exchange.journaled === null || exchange.settled || exchange.call === null) continue;
    const outputTokens = exchange.call.deliveredTokens();
    if (outputTokens <= exchange.journaledOutputTokens) continue;
    exchange.journaledOutputTokens = outputTokens;
    const progress = JSON.stringify({ outputTokens });
    void journal.append('P', exchange.journaled, 0, progress);
  }
}
