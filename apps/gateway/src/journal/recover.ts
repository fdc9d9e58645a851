import { existsSync } from 'node:fs';
import { priceLines, sumOf, type PriceLine } from '@tollgate/pricing';
import {
  usageRecorded,
  usageRecordedV2,
  type FieldsFrom,
  type USAGE_RECORDED_V1_FIELDS,
  type UsageRecorded,
  type UsageRecordedV1,
  type UsageRecordedV2,
} from '@tollgate/contracts';
import { CAP_NANO_USD_MAX } from '@tollgate/credit';
import type { Journal } from './journal.js';
import { intentSchema, parseJson, progressSchema, type Intent, type Progress } from './records.js';
import { listSegments, recordsOf } from './segment.js';

/** The result of ending the requests of previous processes. */
export interface LastLife {
  /** Finals in the journal, including the new ones of orphans. The caller settles their holds. */
  readonly finals: readonly UsageRecorded[];
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
  const finals: UsageRecorded[] = [];
  let unreadable = 0;
  for (const { type, requestId, json } of journal.records()) {
    const value = parseJson(json);
    const read = { I: intentSchema, P: progressSchema, F: usageRecorded }[type].safeParse(value);
    if (type === 'F') intents.delete(requestId);
    if (!read.success) unreadable += 1;
    else if (type === 'I') intents.set(requestId, read.data as Intent);
    else if (type === 'P') progress.set(requestId, read.data as Progress);
    else finals.push(read.data as UsageRecorded);
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
 * The final of a request whose gateway was killed. It charges what a stream that broke off at the last progress would
 * have been charged, which that progress says, or nothing if there is none.
 */
export function orphanFinal(
  intent: Intent,
  progress: Progress | undefined,
  journalNumber: number,
  endedAt: string,
): UsageRecorded {
  if (progress?.event === undefined) return pricedHere(intent, progress, journalNumber, endedAt);
  const final = { ...intent.event, ...progress.event, outcome: 'orphaned', journalNumber, endedAt };
  const read = usageRecordedV2.safeParse(final);
  return read.success ? read.data : pricedHere(intent, progress, journalNumber, endedAt);
}

/**
 * The final of a request whose progress has output tokens alone, as the release before wrote it. That knew two prices
 * of a model, and no tiers.
 */
function pricedHere(
  intent: Intent,
  progress: Progress | undefined,
  journalNumber: number,
  endedAt: string,
): UsageRecorded {
  const inputTokens = progress === undefined ? 0 : intent.inputTokensEstimate;
  const outputTokens = progress?.outputTokens ?? 0;
  const price = {
    inputNanoUsdPerMillion: BigInt(intent.inputNanoUsdPerMillion),
    outputNanoUsdPerMillion: BigInt(intent.outputNanoUsdPerMillion),
    cachedInputNanoUsdPerMillion: null,
    maxOutputTokens: 0,
    contextTokens: 0,
  };
  const lines = priceLines(price, { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0 });
  const cost = sumOf(lines);
  const most = intent.event.holdNanoUsd === null ? CAP_NANO_USD_MAX : BigInt(intent.event.holdNanoUsd);
  const end: Pick<UsageRecordedV1, FieldsFrom<typeof USAGE_RECORDED_V1_FIELDS, 'end'>> = {
    journalNumber,
    outcome: 'orphaned',
    inputTokens,
    outputTokens,
    cachedInputTokens: 0,
    reasoningTokens: 0,
    usageSource: progress === undefined ? 'none' : 'counted',
    costNanoUsd: cost.toString(),
    chargeNanoUsd: (cost > most ? most : cost).toString(),
    endedAt,
  };
  const { event } = intent;
  return event.eventVersion === 1 ? { ...event, ...end } : { ...event, ...end, ...plainClasses(end, lines) };
}

/** The classes of a call of which only the two sides are known, and its price lines. */
function plainClasses(
  { inputTokens, outputTokens }: { readonly inputTokens: number; readonly outputTokens: number },
  lines: readonly PriceLine[],
): Omit<UsageRecordedV2, keyof UsageRecordedV1 | 'projectId' | 'memberId' | 'groupIds' | 'routeGroupId'> {
  return {
    textInputTokens: inputTokens,
    audioInputTokens: 0,
    imageInputTokens: 0,
    cachedTextTokens: 0,
    cachedAudioTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    textOutputTokens: outputTokens,
    audioOutputTokens: 0,
    imageOutputTokens: 0,
    toolCalls: [],
    passes: [],
    priceLines: lines.map(({ nanoUsdPerMillion, nanoUsd, ...line }) => ({
      ...line,
      nanoUsdPerMillion: nanoUsdPerMillion.toString(),
      nanoUsd: nanoUsd.toString(),
    })),
    tierServed: null,
    speedServed: null,
    inferenceGeo: null,
    modelServed: null,
    statusCode: null,
    firstByteMs: null,
    durationMs: null,
  };
}

/** The providers that requests in a journal were sent to. Reads the files only, so the journal need not be open. */
export function providersInJournal(folder: string): Set<string> {
  const named = new Set<string>();
  if (!existsSync(folder)) return named;
  for (const segment of listSegments(folder)) {
    for (const { type, json } of recordsOf(segment)) {
      const value = parseJson(json) as { provider?: unknown; event?: { provider?: unknown } } | undefined;
      const provider = type === 'F' ? value?.provider : value?.event?.provider;
      if (typeof provider === 'string') named.add(provider);
    }
  }
  return named;
}
