import { errorOfStatus } from '../errors.js';
import { providerField } from '../exchange.js';
import type { Memory } from '../memory.js';
import type { Plan, PlannedCall, PlannedUsage } from '../plan.js';
import type { Frame } from '../send.js';
import { signatureOf } from './signatures.js';

/** OpenAI's `usage` object in chat and completions. Written tokens are named only where there are some. */
export function usageOf(usage: PlannedUsage): object {
  const { promptTokens, completionTokens, cachedTokens, cacheWriteTokens, reasoningTokens } = usage;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: {
      cached_tokens: cachedTokens,
      audio_tokens: 0,
      ...(cacheWriteTokens > 0 ? { cache_write_tokens: cacheWriteTokens } : {}),
    },
    completion_tokens_details: {
      reasoning_tokens: reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** What Azure's content filter tells of harmless text. */
const NOTHING_FOUND = {
  hate: { filtered: false, severity: 'safe' },
  violence: { filtered: false, severity: 'safe' },
};
const PROMPT_FILTER = { prompt_filter_results: [{ prompt_index: 0, content_filter_results: NOTHING_FOUND }] };

/** What answers of some servers have besides. */
export interface Shape {
  /** Whether they tell what a content filter found, as Azure's do. */
  readonly filtered: boolean;
  /** Signs the first call, as Google does; null for no signature. */
  readonly signer: Memory | null;
}

/** The body of an answer that is not streamed. */
export function plainBody(plan: Plan, { filtered, signer }: Shape): string {
  return JSON.stringify({
    id: `chatcmpl-simulator${plan.n}`,
    object: 'chat.completion',
    created: plan.created,
    model: plan.model,
    choices: Array.from({ length: plan.choices }, (_, index) => ({
      index,
      message: messageOf(plan, index, signer),
      logprobs: null,
      finish_reason: finishReason(plan),
      ...(filtered ? { content_filter_results: NOTHING_FOUND } : {}),
    })),
    ...(filtered ? PROMPT_FILTER : {}),
    ...(plan.reportsUsage ? { usage: usageOf(plan.usage) } : {}),
    ...trailer(plan),
    ...providerField(plan.shownProvider),
  });
}

function messageOf(plan: Plan, index: number, signer: Memory | null): object {
  const text = plan.pieces.join('');
  const refused = plan.end === 'refusal';
  const calls = plan.calls.map((call, i) =>
    signed({ id: callId(plan, index, i), ...callOf(call, call.input) }, i, signer),
  );
  return {
    role: 'assistant',
    content: refused || calls.length > 0 ? null : text,
    refusal: refused ? text : null,
    annotations: [],
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

function callOf({ name, custom }: PlannedCall, input: string): object {
  return custom
    ? { type: 'custom', custom: { name, input } }
    : { type: 'function', function: { name, arguments: input } };
}

function callId({ n }: Plan, choice: number, call: number): string {
  return `call_simulator${n}_${choice}_${call}`;
}

/** A call with a signature, if it is the first and is signed. */
function signed(call: { readonly id: string }, index: number, signer: Memory | null): object {
  return signer === null || index > 0 ? call : { ...signatureOf(call.id, signer), ...call };
}

function finishReason({ end }: Plan): string {
  return end === 'length' || end === 'tool_calls' ? end : 'stop';
}

function trailer({ serviceTier }: Plan): object {
  return { service_tier: serviceTier ?? 'default', system_fingerprint: 'fp_simulator' };
}

/**
 * The frames of one stream, in the order of OpenAI's API. Where usage is `asked` for there is a chunk of it, and those
 * before it carry `"usage": null`; where it is sent `always`, they do not. What the chunks have in common is put into
 * JSON once.
 */
export function* streamFrames(
  plan: Plan,
  { filtered, signer }: Shape,
  usage: 'none' | 'asked' | 'always',
): Generator<Frame> {
  const common = {
    id: `chatcmpl-simulator${plan.n}`,
    object: 'chat.completion.chunk',
    created: plan.created,
    model: plan.model,
    ...trailer(plan),
  };
  const head = JSON.stringify({ ...common, ...providerField(plan.shownProvider) }).slice(0, -1);
  const tail = usage === 'asked' ? ',"usage":null}\n\n' : '}\n\n';
  const chunk = (index: number, delta: string, finish = 'null') =>
    `data: ${head},"choices":[{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":${finish}}]${tail}`;
  const choices = Array.from({ length: plan.choices }, (_, index) => index);

  if (filtered)
    yield { text: `data: ${JSON.stringify({ ...common, id: '', model: '', choices: [], ...PROMPT_FILTER })}\n\n` };
  const content = plan.calls.length > 0 ? 'null' : '""';
  for (const index of choices) yield { text: chunk(index, `{"role":"assistant","content":${content},"refusal":null}`) };
  const field = plan.end === 'refusal' ? 'refusal' : 'content';
  for (const piece of plan.pieces) {
    const delta = `{"${field}":${JSON.stringify(piece)}}`;
    for (const index of choices) yield { text: chunk(index, delta), content: true, atOnce: index > 0 };
  }
  for (const [i, call] of plan.calls.entries())
    for (const index of choices)
      for (const delta of callDeltas(call, i, callId(plan, index, i), signer))
        yield { text: chunk(index, JSON.stringify({ tool_calls: [delta] })), content: true, atOnce: index > 0 };
  for (const index of choices) yield { text: chunk(index, '{}', `"${finishReason(plan)}"`), tail: index === 0 };
  if (usage !== 'none')
    yield { text: `data: ${head},"choices":[],"usage":${JSON.stringify(usageOf(plan.usage))}}\n\n`, usage: true };
  yield { text: 'data: [DONE]\n\n' };
}

/**
 * The first names the call, the others bring its input. Nothing but `{}` comes in one. Google sends each call whole and
 * without a number.
 */
function callDeltas(call: PlannedCall, index: number, id: string, signer: Memory | null): object[] {
  if (signer !== null) return [signed({ id, ...callOf(call, call.input) }, index, signer)];
  const pieces = call.pieces.length > 0 ? call.pieces : [call.input];
  const more = pieces.map((piece) =>
    call.custom ? { index, custom: { input: piece } } : { index, function: { arguments: piece } },
  );
  return [{ index, id, ...callOf(call, '') }, ...more];
}

/** The error that OpenAI's chat puts into a stream that has begun. */
export function errorFrame(): string {
  return `data: ${JSON.stringify({ error: errorOfStatus(500) })}\n\n`;
}
