import type { Admission } from '@tollgate/admission';
import type { UsageRecordedV1 } from '@tollgate/contracts';
import { costOf } from '@tollgate/pricing';
import type { Journal } from '../../journal/journal.js';
import type { Exchange } from '../exchange.js';
import type { CallOutcome } from '../forward/call.js';

/**
 * Ends a request that reached a provider, once: the final goes into the journal, the settle into its queue. The
 * promise resolves when the operating system has the final; the reply's last byte waits for that.
 */
export function settle(journal: Journal, admission: Admission): (exchange: Exchange, call: CallOutcome) => Promise<void> {
  return async (exchange, call) => {
    if (exchange.settled) return;
    exchange.settled = true;
    const event = usageEvent(exchange, call, journal.takeNumber(), new Date().toISOString());
    const written = journal.append('F', event.requestId, event.organizationId, event.journalNumber, JSON.stringify(event));
    if (exchange.admitted) {
      admission.settle({
        requestId: event.requestId,
        organizationId: event.organizationId,
        chargeNanoUsd: BigInt(event.chargeNanoUsd),
        tokens: event.usageSource === 'none' ? 0 : event.inputTokens + event.outputTokens,
      });
    }
    // A final that the disk does not take is kept in memory and tried again; the reply need not wait for that.
    await written.catch(() => undefined);
  };
}

/** Gives back what was taken for a request that was never forwarded. */
export function release(admission: Admission, exchange: Exchange): void {
  if (!exchange.admitted || exchange.settled) return;
  exchange.settled = true;
  admission.settle({ requestId: exchange.requestId, organizationId: exchange.key!.snapshot.organizationId, chargeNanoUsd: 0n, tokens: 0 });
}

/** The event of a request: priced here and never again, the charge at most the hold. */
function usageEvent(exchange: Exchange, call: CallOutcome, journalNumber: number, endedAt: string): UsageRecordedV1 {
  const { target, usage } = call;
  const cost = costOf(target.price, usage);
  const hold = exchange.holdNanoUsd;
  return {
    ...exchange.intent!.event,
    provider: target.provider.name,
    model: target.model,
    journalNumber,
    outcome: call.outcome,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cachedInputTokens: usage.cachedInputTokens,
    reasoningTokens: usage.reasoningTokens,
    usageSource: call.usageSource,
    costNanoUsd: cost.toString(),
    chargeNanoUsd: (hold !== null && cost > hold ? hold : cost).toString(),
    endedAt,
  };
}
