import { ELSEWHERE_FIELDS } from '../openai/elsewhere-fields.js';
import { rows, type RequestField } from '../request-scan/request-field.js';

/** Whether one pass of the model makes the answer: in another mode several can, beside the ceiling of the output. */
const isOnePass = (reasoning: unknown): boolean => {
  const mode = typeof reasoning === 'object' && reasoning !== null ? (reasoning as { mode?: unknown }).mode : undefined;
  return mode === undefined || mode === null || mode === 'standard';
};

/** The fields of OpenAI's Responses, and those that compatible servers and clients add: vLLM, OpenRouter, Codex. */
export const REQUEST_FIELDS: readonly RequestField[] = [
  ...rows('read', 'It chooses the route.', 'model'),
  ...rows('read', 'Its bytes bound the input; each of its items and parts is checked.', 'input'),
  ...rows('read', 'It decides how the answer is read.', 'stream'),
  ...rows('read', 'It is the ceiling of the output.', 'max_output_tokens'),
  ...rows('read', 'It may multiply the prices.', 'service_tier'),
  ...rows('read', 'It bounds the uses of the tools that the provider runs.', 'max_tool_calls'),
  ...rows('read', 'The cost of work in the background is known long after the answer, so it is refused.', 'background'),
  ...rows('read', 'The earlier conversation is input; the id belongs to an organisation.', 'previous_response_id'),
  ...rows('read', 'It names something of the provider’s account, so it is refused.', 'conversation prompt'),
  ...rows('read', 'A summary of the conversation is a further pass of the model.', 'context_management'),
  ...rows(
    'read',
    'It can name another response; what is written to a cache is charged as input.',
    'prompt_cache_options',
  ),

  ...rows('free', 'It decides which token comes next.', 'temperature top_p top_k min_p seed repetition_penalty'),
  ...rows('free', 'It decides how tokens are reported to the caller.', 'top_logprobs include stream_options verbosity'),
  ...rows(
    'free',
    'It names the caller or the call.',
    'user safety_identifier metadata client_metadata request_id session_id',
  ),
  ...rows(
    'free',
    'It controls the cache; a read from a cache costs no more than input.',
    'store prompt_cache_key prompt_cache_retention cache_salt',
  ),
  ...rows('free', 'It leaves out some of the input, or compresses it.', 'truncation image'),
  ...rows('free', 'It says when work in the background is done, which is refused.', 'background_options'),

  ...rows('bounded', 'It is text of the input.', 'instructions'),
  ...rows('bounded', 'Tools of the caller are text; those of the provider are counted.', 'tools'),
  ...rows(
    'bounded',
    'It is text of the input, and the answer to it is output.',
    'text tool_choice parallel_tool_calls',
  ),
  {
    name: 'reasoning',
    use: 'bounded',
    why: 'Reasoning is output, within its ceiling, unless several passes make the answer.',
    isBounded: isOnePass,
  },
  ...rows('bounded', 'Only the provider simulator reads it; other providers do not know the name.', 'simulator'),

  ...rows('unbounded', 'Each search is charged, and its results are input.', 'plugins web_search_options'),
  ...rows(
    'unbounded',
    'It is input besides the field that is read.',
    'messages functions chat_template multi_modal_data',
  ),
  ...rows('unbounded', 'It asks for a more expensive service.', 'speed priority'),
  ...rows(
    'unbounded',
    'It is a separate budget of tokens, beside the ceiling of the output.',
    'max_tokens max_completion_tokens',
  ),
  ...rows('unbounded', 'It asks for speech or images, which have prices of their own.', 'modalities audio'),
  ...rows('unbounded', 'It multiplies the output.', 'n best_of'),

  ...rows(
    'omitted',
    'It asks for programs that the account, which all callers share, may be part of.',
    'access_programs',
  ),

  ...rows('elsewhere', 'It names another model, which reads the request too.', 'moderation'),
  ...ELSEWHERE_FIELDS,
];
