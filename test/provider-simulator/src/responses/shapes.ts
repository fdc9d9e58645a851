import { errorOfStatus, type OpenAiError } from '../errors.js';
import { providerField } from '../exchange.js';
import type { Plan } from '../plan.js';
import type { Frame } from '../send.js';
import type { OutputItem } from './output.js';
import type { ResponsesRequest } from './request.js';

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

/** The usage of a response, with the names of the newer API. */
export function usageOf({ usage }: Plan): object {
  const { promptTokens, completionTokens, cachedTokens, cacheWriteTokens, reasoningTokens } = usage;
  return {
    input_tokens: promptTokens,
    input_tokens_details: {
      cached_tokens: cachedTokens,
      ...(cacheWriteTokens > 0 ? { cache_write_tokens: cacheWriteTokens } : {}),
    },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
  };
}

/** The id of the `n`th response. */
export function responseId({ n }: Pick<Plan, 'n'>): string {
  return `resp_simulator${n}`;
}

/** How an answer that nothing disturbs ends. */
export function statusOf({ end }: Plan): Status {
  return end === 'length' ? 'incomplete' : 'completed';
}

/** A whole response, which repeats the settings of the request. */
export function responseOf(
  plan: Plan,
  { fields }: Pick<ResponsesRequest, 'fields'>,
  status: Status,
  output: readonly object[],
): object {
  const own = (name: string, otherwise: unknown): unknown => fields[name] ?? otherwise;
  const over = status !== 'in_progress';
  return {
    id: responseId(plan),
    object: 'response',
    created_at: plan.created,
    status,
    background: false,
    ...(status === 'completed' ? { completed_at: plan.created } : {}),
    error: status === 'failed' ? failure() : null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: own('instructions', null),
    max_output_tokens: own('max_output_tokens', null),
    max_tool_calls: own('max_tool_calls', null),
    model: plan.model,
    output,
    parallel_tool_calls: own('parallel_tool_calls', true),
    previous_response_id: own('previous_response_id', null),
    prompt_cache_key: own('prompt_cache_key', null),
    reasoning: own('reasoning', { effort: null, summary: null }),
    safety_identifier: own('safety_identifier', null),
    service_tier: plan.serviceTier ?? (over ? 'default' : 'auto'),
    store: own('store', true),
    temperature: own('temperature', 1),
    text: own('text', { format: { type: 'text' }, verbosity: 'medium' }),
    tool_choice: own('tool_choice', 'auto'),
    tools: own('tools', []),
    top_logprobs: own('top_logprobs', 0),
    top_p: own('top_p', 1),
    truncation: own('truncation', 'disabled'),
    usage: over && status !== 'failed' && plan.reportsUsage ? usageOf(plan) : null,
    user: own('user', null),
    metadata: own('metadata', {}),
    ...providerField(plan.shownProvider),
  };
}

/** What a response that failed says; its codes are not those of refused requests. */
function failure(): Pick<OpenAiError, 'code' | 'message'> {
  return { code: 'server_error', message: errorOfStatus(500).message };
}

/** The events of one stream, each with its number. */
export interface ResponseStream {
  readonly frames: Iterable<Frame>;
  /** `response.failed`, with the next number. */
  errorFrame(): string;
}

/** Makes a stream in the order of OpenAI's API. There is no `[DONE]`: its last event is the end. */
export function responseStream(plan: Plan, request: ResponsesRequest, items: readonly OutputItem[]): ResponseStream {
  let number = 0;
  const frame = (type: string, fields: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...fields, sequence_number: number++ })}\n\n`;
  const done: object[] = [];
  function* frames(): Generator<Frame> {
    const response = responseOf(plan, request, 'in_progress', []);
    yield { text: frame('response.created', { response }) };
    yield { text: frame('response.in_progress', { response }) };
    for (const [output_index, { added, between, whole }] of items.entries()) {
      const last = output_index === items.length - 1;
      yield { text: frame('response.output_item.added', { output_index, item: added }) };
      for (const { type, fields, content } of between)
        yield { text: frame(type, { output_index, ...fields }), content: content === true };
      yield { text: frame('response.output_item.done', { output_index, item: whole }), tail: last };
      done.push(whole);
    }
    const status = statusOf(plan);
    const text = frame(`response.${status}`, { response: responseOf(plan, request, status, done) });
    yield { text, usage: plan.reportsUsage, tail: items.length === 0 };
  }
  return {
    frames: frames(),
    errorFrame: () => {
      // The frame at which the stream breaks off has been made, but is not sent.
      number -= 1;
      return frame('response.failed', { response: responseOf(plan, request, 'failed', done) });
    },
  };
}
