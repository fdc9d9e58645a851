import { costOf } from '@tollgate/pricing';
import type { UsageRecordedV1 } from '@tollgate/contracts';
import type { Journal } from './journal.js';
import type { Intent, Progress } from './records.js';

/**
 * Ends what the life before left open: an intent without a final becomes `final{outcome: orphaned}`, charged by the
 * last journaled progress, else nothing. Returns the finals of the journal, for their holds to be settled.
 */
export async function endOrphans(journal: Journal, nowIso: string): Promise<UsageRecordedV1[]> {
  const intents = new Map<string, Intent>();
  const progress = new Map<string, Progress>();
  const finals: UsageRecordedV1[] = [];
  for (const record of journal.records()) {
    switch (record.type) {
      case 'I':
        intents.set(record.requestId, JSON.parse(record.json) as Intent);
        break;
      case 'P':
        progress.set(record.requestId, JSON.parse(record.json) as Progress);
        break;
      case 'F':
        intents.delete(record.requestId);
        finals.push(JSON.parse(record.json) as UsageRecordedV1);
        break;
    }
  }
  const orphans = [...intents.values()].map((intent) => orphanFinal(intent, progress.get(intent.event.requestId), journal.takeNumber(), nowIso));
  await Promise.all(orphans.map((event) => journal.append('F', event.requestId, event.organizationId, event.journalNumber, JSON.stringify(event))));
  return [...finals, ...orphans];
}

/** The final of a request whose gateway was killed: its input and what was delivered by the last progress, else nothing. */
export function orphanFinal(intent: Intent, progress: Progress | undefined, journalNumber: number, endedAt: string): UsageRecordedV1 {
  const inputTokens = progress === undefined ? 0 : intent.inputTokensEstimate;
  const outputTokens = progress?.outputTokens ?? 0;
  const cost = costOf(
    {
      inputNanoUsdPerMillion: BigInt(intent.inputNanoUsdPerMillion),
      outputNanoUsdPerMillion: BigInt(intent.outputNanoUsdPerMillion),
      cachedInputNanoUsdPerMillion: null,
      maxOutputTokens: 0,
    },
    { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0 },
  );
  const hold = intent.event.holdNanoUsd === null ? null : BigInt(intent.event.holdNanoUsd);
  return {
    ...intent.event,
    journalNumber,
    outcome: 'orphaned',
    inputTokens,
    outputTokens,
    cachedInputTokens: 0,
    reasoningTokens: 0,
    usageSource: progress === undefined ? 'none' : 'counted',
    costNanoUsd: cost.toString(),
    chargeNanoUsd: (hold !== null && cost > hold ? hold : cost).toString(),
    endedAt,
  };
}
