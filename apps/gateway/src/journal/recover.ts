import { existsSync } from 'node:fs';
import { costOf } from '@tollgate/pricing';
import {
  usageRecordedV1,
  type FieldsFrom,
  type USAGE_RECORDED_V1_FIELDS,
  type UsageRecordedV1,
} from '@tollgate/contracts';
import type { Journal } from './journal.js';
import { intentSchema, parseJson, progressSchema, type Intent, type Progress } from './records.js';
import { listSegments, recordsOf } from './segment.js';

/** The result of ending the requests of previous processes. */
export interface LastLife {
  /** Finals in the journal, including the new ones of orphans. The caller settles their holds. */
  readonly finals: readonly UsageRecordedV1[];
  /** Records that could not be parsed. Finals among them are still shipped: the ledger puts them in quarantine. */
  readonly unreadable: number;
}

/**
 * Ends the requests that a previous process left open: each intent without a final gets `final{outcome: orphaned}`,
 * which charges what the last journaled progress says, or nothing. Rejects if the finals cannot be written.
 */
export async function endOrphans(journal: Journal, nowIso: string): Promise<LastLife> {
  const intents = new Map<string, Intent>();
  const progress = new Map<string, Progress>();
  const finals: UsageRecordedV1[] = [];
  let unreadable = 0;
  for (const { type, requestId, json } of journal.records()) {
    const value = parseJson(json);
    const read = { I: intentSchema, P: progressSchema, F: usageRecordedV1 }[type].safeParse(value);
    if (type === 'F') intents.delete(requestId);
    if (!read.success) unreadable += 1;
    else if (type === 'I') intents.set(requestId, read.data as Intent);
    else if (type === 'P') progress.set(requestId, read.data as Progress);
    else finals.push(read.data as UsageRecordedV1);
  }
  const orphans = [...intents.values()].map((intent) =>
    orphanFinal(intent, progress.get(intent.event.requestId), journal.takeNumber(), nowIso),
  );
  const written = await Promise.all(
    orphans.map((event) =>
      journal.append(
        'F',
        journal.requestOf(event.requestId, event.organizationId),
        event.journalNumber,
        JSON.stringify(event),
      ),
    ),
  );
  if (written.includes(false)) {
    journal.tryWriting();
    throw new Error('the journal could not be written, although the disk takes writes now');
  }
  return { finals: [...finals, ...orphans], unreadable };
}

/**
 * The final of a request whose gateway was killed. It charges the input and the output of the last progress, or nothing
 * if there is none.
 */
export function orphanFinal(
  intent: Intent,
  progress: Progress | undefined,
  journalNumber: number,
  endedAt: string,
): UsageRecordedV1 {
  const inputTokens = progress === undefined ? 0 : intent.inputTokensEstimate;
  const outputTokens = progress?.outputTokens ?? 0;
  const cost = costOf(
    {
      inputNanoUsdPerMillion: BigInt(intent.inputNanoUsdPerMillion),
      outputNanoUsdPerMillion: BigInt(intent.outputNanoUsdPerMillion),
      cachedInputNanoUsdPerMillion: null,
      maxOutputTokens: 0,
      contextTokens: 0,
    },
    { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0 },
  );
  const hold = intent.event.holdNanoUsd === null ? null : BigInt(intent.event.holdNanoUsd);
  const end: Pick<UsageRecordedV1, FieldsFrom<typeof USAGE_RECORDED_V1_FIELDS, 'end'>> = {
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
  return { ...intent.event, ...end };
}

/** The providers that requests in a journal were sent to. Reads the files only, so the journal need not be open. */
export function providersInJournal(folder: string): Set<string> {
  const named = new Set<string>();
  if (!existsSync(folder)) return named;
  for (const segment of listSegments(folder)) {
    for (const { type, json } of recordsOf(segment)) {
      if (type === 'P') continue;
      const value = parseJson(json) as { provider?: unknown; event?: { provider?: unknown } } | undefined;
      const provider = type === 'I' ? value?.event?.provider : value?.provider;
      if (typeof provider === 'string') named.add(provider);
    }
  }
  return named;
}
