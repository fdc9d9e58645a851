import type { TokenUsage } from '@tollgate/usage';
import type { AnswerError, Finish } from '../answer.js';
import type { JsonObject, ReplyContext } from '../dialect-codec.js';
import { responseError } from '../errors/error-words.js';
import { compact } from './output-items.js';
import { writeUsage } from './usage.js';

/** The fields of a request that a reply repeats, with what stands there if the request does not have them. */
const REPEATED: JsonObject = {
  background: false,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  previous_response_id: null,
  prompt_cache_key: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  temperature: 1,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
};

/** Names of tiers that other makers have for what OpenAI calls `default`. */
const STANDARD_TIERS: ReadonlySet<string> = new Set(['standard', 'standard_only']);

/** What a reply says, and the beginning and the end of a stream. */
export interface ResponseState {
  /** Empty if the provider names none. */
  readonly model: string;
  readonly createdAt: number | null;
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  /** Why the answer is incomplete; null if it is not. */
  readonly incompleteReason: string | null;
  readonly error: AnswerError | null;
  readonly output: readonly JsonObject[];
  readonly usage: TokenUsage | null;
}

/**
 * The object `response`. Its id is made from the id of the request: no id of a provider's account leaves the gateway.
 */
export function writeResponse(state: ResponseState, context: ReplyContext): JsonObject {
  const tier = state.usage?.details?.serviceTier ?? null;
  return {
    id: `resp_${compact(context.requestId)}`,
    object: 'response',
    created_at: state.createdAt ?? context.nowSeconds,
    status: state.status,
    error: state.error === null ? null : responseError(state.error),
    incomplete_details: state.incompleteReason === null ? null : { reason: state.incompleteReason },
    model: state.model === '' ? context.model : state.model,
    output: state.output,
    ...repeated(context.request),
    service_tier: tier === null || STANDARD_TIERS.has(tier) ? 'default' : tier,
    store: false,
    usage: state.usage === null ? null : writeUsage(state.usage),
  };
}

function repeated(request: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(REPEATED).map(([name, absent]) => [name, request[name] ?? absent]));
}

/**
 * How an answer that has ended is called. In a whole one the model itself `refuses`, and calls nothing; what a filter
 * cut is incomplete.
 */
export function endOf(
  { reason }: Finish,
  refuses: boolean,
): Pick<ResponseState, 'incompleteReason'> & { readonly status: 'completed' | 'incomplete' } {
  if (reason === 'length') return { status: 'incomplete', incompleteReason: 'max_output_tokens' };
  if (reason === 'content_filter' && !refuses) return { status: 'incomplete', incompleteReason: 'content_filter' };
  return { status: 'completed', incompleteReason: null };
}
