import type { Admission } from '@tollgate/admission';
import type { SettleItem } from '@tollgate/credit';
import type { TokenUsage } from '@tollgate/usage';
import type { Journal } from '../../journal/journal.js';
import type { JournaledRequest } from '../../journal/journaled-request.js';
import { finalText } from '../event-text.js';
import { isIdentified, type Exchange, type Journaled } from '../exchange/exchange.js';
import type { Target } from '../choose-route/route-table.js';
import type { CallOutcome } from '../forward/call.js';
import { chargeOf } from './charge-of.js';
import { endText, type CallEnd } from './end-text.js';

/**
 * Called with the platform's loss: the cost of a call beyond its hold or, without one, beyond what it can have used, or
 * (`inVain`) the cost of attempts that gave the client no answer. `usage` is the report.
 */
export type OnLoss = (
  exchange: Exchange,
  target: Target,
  lossNanoUsd: bigint,
  usage: TokenUsage,
  inVain: boolean,
) => void;

/**
 * Ends a request that reached a provider, once: appends the final to the journal and queues the settlement with
 * admission. The price is decided here for good, as `chargeOf` says. Resolves when the operating system has the final,
 * or could not write it. The last byte of the reply waits for that; a final that was not written is kept and tried
 * again by the journal.
 *
 * Credit is settled only once the final is written: if the process is killed before, its journal has another charge
 * for the request, that of an orphan, and admission must not have posted this one.
 */
export function settle(
  journal: Journal,
  admission: Admission,
  onLoss: OnLoss,
): (exchange: Journaled, call: CallOutcome) => Promise<unknown> {
  return (exchange, { target, outcome, usage: reported, usageSource, owesNothing = false, statusCode }) => {
    if (exchange.settled) return Promise.resolve();
    exchange.settled = true;
    const { journaled, requestId } = exchange;
    const { costNanoUsd, chargeNanoUsd, billableNanoUsd, priceLines, unpriced, usage } = chargeOf(
      exchange,
      target,
      reported,
      owesNothing,
    );
    exchange.chargeNanoUsd = chargeNanoUsd;
    if (chargeNanoUsd < costNanoUsd) {
      const inVain = owesNothing || exchange.reportsInVain !== null;
      onLoss(exchange, target, costNanoUsd - chargeNanoUsd, reported, inVain);
    }
    const journalNumber = journal.takeNumber();
    const facts: CallEnd = {
      journalNumber,
      outcome,
      usageSource,
      costNanoUsd,
      chargeNanoUsd,
      billableNanoUsd,
      priceLines,
      unpriced,
      endedAt: Date.now(),
      statusCode: exchange.reply.headersSent ? exchange.reply.statusCode : (statusCode ?? null),
    };
    const final = finalText(exchange.eventHead, target, endText(usage, facts, exchange));
    const written = journal.append('F', journaled, journalNumber, final);
    if (exchange.admitted) {
      const tokens = owesNothing ? 0 : usage.inputTokens + usage.outputTokens;
      const answerTokens =
        exchange.openEnded && !owesNothing && isWhole(outcome, usageSource) ? usage.outputTokens : null;
      const item = { requestId, organizationId: journaled.organizationId, chargeNanoUsd, tokens, answerTokens };
      if (exchange.holdNanoUsd !== null)
        return written.then((isWritten) => {
          settleCredit(admission, item, journaled, isWritten);
          tellSettled(exchange);
        });
      admission.settle(item);
    }
    tellSettled(exchange);
    return written;
  };
}

/**
 * Settles a hold of credit whose final was written. One that could not be written keeps the hold until it is; only the
 * place among parallel requests is given back.
 */
function settleCredit(admission: Admission, item: SettleItem, journaled: JournaledRequest, isWritten: boolean): void {
  if (isWritten) return admission.settle(item);
  admission.leave(item.requestId, item.organizationId);
  journaled.onEnd(() => admission.settle(item));
}

function tellSettled({ onSettled }: Exchange): void {
  for (const tell of onSettled ?? []) tell();
}

/**
 * Whether the output is that of a whole answer. The count of one that broke off would make later answers look short.
 */
function isWhole(outcome: CallOutcome['outcome'], usageSource: CallOutcome['usageSource']): boolean {
  return usageSource === 'provider' || (usageSource === 'counted' && outcome === 'completed');
}

/** Gives back what admission took for a request that was never forwarded. */
export function release(admission: Admission, exchange: Exchange): void {
  if (!isIdentified(exchange) || !exchange.admitted || exchange.settled) return;
  exchange.settled = true;
  admission.settle({
    requestId: exchange.requestId,
    organizationId: exchange.key.snapshot.organizationId,
    chargeNanoUsd: 0n,
    tokens: 0,
  });
}
