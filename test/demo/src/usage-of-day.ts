import { createHash } from 'node:crypto';
import { keyAccountId } from '@tollgate/api-key';
import type { UsageRecordedV2Input } from '@tollgate/contracts';
import { MODELS, type DemoKey } from './demo-keys.js';

export const DAY_MS = 86_400_000;
/** The journal that the events say they come from. No gateway has it. */
const JOURNAL_ID = '00000000-0000-7000-8000-00000000de00';
const NANO_USD_PER_MICRO_USD = 1_000n;
/** More than any key has in a day: the numbers of one day never reach those of the next. */
const NUMBERS_OF_A_DAY = 100_000;
const SATURDAY = 6;
const SUNDAY = 0;
/** What becomes of calls, of 100 each: some fail at the provider, some callers leave. */
const FAILED_OF_100 = 2;
const LEFT_OF_100 = 1;

/** A key of the demonstration as the installation knows it. */
export interface KnownKey extends DemoKey {
  readonly id: string;
  readonly organizationId: string;
}

/**
 * The usage events that a key has on a day, which begins at `dayMs` (milliseconds since 1970, midnight in UTC), in the
 * order of their calls. The same key and day give the same events, with the same request ids, so the ledger books them
 * once however often they are sent.
 */
export function usageOfDay(key: KnownKey, dayMs: number): UsageRecordedV2Input[] {
  const draw = draws(`${key.id} ${dayMs}`);
  const weekday = new Date(dayMs).getUTCDay();
  const share = weekday === SATURDAY || weekday === SUNDAY ? key.weekendShare : 1;
  const calls = Math.round(key.callsOfADay * share * (0.8 + 0.4 * draw()));
  const starts = Array.from({ length: calls }, () => dayMs + Math.floor(timeOfDay(draw) * DAY_MS));
  return starts.sort((one, other) => one - other).map((startMs, at) => usageOf(key, { startMs, dayMs, at }, draw));
}

interface Call {
  readonly startMs: number;
  readonly dayMs: number;
  /** Its place among the calls of the day. */
  readonly at: number;
}

function usageOf(key: KnownKey, { startMs, dayMs, at }: Call, draw: () => number): UsageRecordedV2Input {
  const requestId = requestIdOf(startMs, draw);
  const model = MODELS[key.models[Math.floor(draw() * key.models.length)]!]!;
  const fate = Math.floor(draw() * 100);
  const failed = fate < FAILED_OF_100;
  const left = !failed && fate < FAILED_OF_100 + LEFT_OF_100;
  const input = failed ? 0 : Math.round(key.inputTokens * (0.5 + draw()));
  const output = failed ? 0 : Math.round(key.outputTokens * (left ? 0.3 : 0.5 + draw()));
  const lines = failed
    ? []
    : [lineOf('text_input', input, model.inputMicroUsd), lineOf('text_output', output, model.outputMicroUsd)];
  const cost = lines.reduce((sum, { nanoUsd }) => sum + BigInt(nanoUsd), 0n).toString();
  const durationMs = Math.round(200 + output * (4 + 6 * draw()));
  return {
    eventVersion: 2,
    requestId,
    organizationId: key.organizationId,
    apiKeyId: key.id,
    journalId: JOURNAL_ID,
    journalNumber: Math.floor(dayMs / DAY_MS) * NUMBERS_OF_A_DAY + at + 1,
    outcome: failed ? 'provider_failed' : left ? 'client_left' : 'completed',
    route: model.name,
    provider: model.provider,
    model: model.name,
    stream: key.streams,
    inputTokens: input,
    outputTokens: output,
    cachedInputTokens: 0,
    reasoningTokens: 0,
    usageSource: failed ? 'none' : left ? 'counted' : 'provider',
    costNanoUsd: cost,
    chargeNanoUsd: cost,
    holdNanoUsd: null,
    accounts: [{ accountId: keyAccountId(key.id), capNanoUsd: null }],
    priceVersion: 'demo',
    startedAt: new Date(startMs).toISOString(),
    endedAt: new Date(startMs + durationMs).toISOString(),
    clientAddress: `192.0.2.${10 + Math.floor(draw() * 20)}`,
    secretId: null,
    textInputTokens: input,
    cachedTextTokens: 0,
    textOutputTokens: output,
    priceLines: lines,
    statusCode: failed ? 502 : 200,
    firstByteMs: Math.round(100 + 300 * draw()),
    durationMs,
  };
}

function lineOf(name: string, quantity: number, microUsdPerMillion: bigint) {
  const nanoUsdPerMillion = microUsdPerMillion * NANO_USD_PER_MICRO_USD;
  return {
    class: name,
    quantity,
    nanoUsdPerMillion: nanoUsdPerMillion.toString(),
    nanoUsd: ((BigInt(quantity) * nanoUsdPerMillion + 500_000n) / 1_000_000n).toString(),
  };
}

/** The part of a day that has passed, 0 to 1: mostly around noon. */
function timeOfDay(draw: () => number): number {
  return (draw() + draw() + draw()) / 3;
}

/** An id as gateways make them (UUIDv7): the moment decides in which month the ledger keeps the event. */
function requestIdOf(startMs: number, draw: () => number): string {
  const time = startMs.toString(16).padStart(12, '0');
  const rest = Array.from({ length: 18 }, () => Math.floor(draw() * 16).toString(16)).join('');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(0, 3)}-8${rest.slice(3, 6)}-${rest.slice(6)}`;
}

/** Numbers from 0 to 1 (without it) that look like chance and are the same for the same text. */
function draws(text: string): () => number {
  let block = Buffer.alloc(0);
  let at = 0;
  let blocks = 0;
  return () => {
    if (at + 4 > block.length) {
      block = createHash('sha256')
        .update(`${text} ${(blocks += 1)}`)
        .digest();
      at = 0;
    }
    const drawn = block.readUInt32BE(at);
    at += 4;
    return drawn / 2 ** 32;
  };
}
