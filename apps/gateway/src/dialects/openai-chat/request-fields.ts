import { ELSEWHERE_FIELDS } from '../openai/elsewhere-fields.js';
import { rows, type RequestField } from '../request-scan/request-field.js';

const isTextOnly = (kinds: unknown): boolean => Array.isArray(kinds) && kinds.every((kind) => kind === 'text');

/**
 * Names of template arguments that change the size of the input: a replacement of the template, its whole input, its
 * length, or special tokens, which are repeated for each message.
 */
const TEMPLATE_ARGUMENTS = /template|tools|document|message|conversation|prompt|pad|length|trunc|token|function/i;
/** Settings whose values are words. A template could repeat any other text as often as it likes. */
const WORD_SETTINGS = /^(?:reasoning|thinking)(?:_(?:effort|mode|level|format|language))?$|^(?:effort|mode)$/;
const WORD_CHARACTERS_MAX = 16;

function isSetting([name, value]: [string, unknown]): boolean {
  if (TEMPLATE_ARGUMENTS.test(name) && name !== 'add_generation_prompt') return false;
  if (typeof value === 'string') return value.length <= WORD_CHARACTERS_MAX && WORD_SETTINGS.test(name);
  return value === null || typeof value === 'boolean' || typeof value === 'number';
}

const TEMPLATE_SETTINGS = ['chat_template_kwargs', 'chat_template_args'].map((name): RequestField => ({
  name,
  use: 'bounded',
  why: 'Switches of a chat template decide how it asks; a template among them is a program that writes the input.',
  isBounded: (settings) =>
    typeof settings === 'object' &&
    settings !== null &&
    !Array.isArray(settings) &&
    Object.entries(settings).every(isSetting),
}));

/** The fields of `reasoning` that say how hard the model thinks and what is shown of it, with no number of tokens. */
const REASONING_WORDS = new Set(['effort', 'summary']);
const REASONING_SWITCHES = new Set(['enabled', 'exclude']);

function isWithoutBudget(reasoning: unknown): boolean {
  return fieldsOf(reasoning)?.every(isReasoningSetting) === true;
}

function isReasoningSetting([name, value]: [string, unknown]): boolean {
  if (value === null) return true;
  if (typeof value === 'string') return REASONING_WORDS.has(name) && value.length <= WORD_CHARACTERS_MAX;
  return typeof value === 'boolean' && REASONING_SWITCHES.has(name);
}

function isSwitchedOff(thinking: unknown): boolean {
  const given = fieldsOf(thinking)?.filter(([, value]) => value !== null) ?? [];
  return given.length === 1 && given[0]?.[0] === 'type' && given[0][1] === 'disabled';
}

/** The fields of an object; null for another value. */
function fieldsOf(value: unknown): [string, unknown][] | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : null;
}

/**
 * The fields of OpenAI's chat completions, and those that compatible providers and relays add: vLLM, SGLang, llama.cpp,
 * OpenRouter, LiteLLM, Portkey, Azure, Mistral, DeepSeek, Together, Groq, xAI, Perplexity.
 */
export const REQUEST_FIELDS: readonly RequestField[] = [
  ...rows('read', 'It chooses the route.', 'model'),
  ...rows('read', 'Its bytes bound the input; each of its parts is checked.', 'messages'),
  ...rows('read', 'It decides how the answer is read.', 'stream stream_options'),
  ...rows('read', 'It is the ceiling of the output.', 'max_tokens max_completion_tokens'),
  ...rows('read', 'It multiplies the output.', 'n'),
  ...rows('read', 'It may multiply the prices.', 'service_tier'),

  ...rows(
    'free',
    'It decides which token comes next.',
    `
    temperature top_p top_k min_p top_a typical_p tfs_z seed random_seed logit_bias presence_penalty
    frequency_penalty repetition_penalty repeat_penalty repeat_last_n length_penalty mirostat mirostat_tau
    mirostat_eta dry_multiplier dry_base dry_allowed_length dry_sequence_breakers xtc_probability xtc_threshold
    dynatemp_range dynatemp_exponent samplers min_keep bad_words allowed_token_ids logits_processors do_sample
    safe_prompt safe_mode
    `,
  ),
  ...rows(
    'free',
    'It decides where an answer ends, within its ceiling.',
    `
    stop stop_token_ids stop_regex include_stop_str_in_output no_stop_trim
    `,
  ),
  ...rows(
    'free',
    'It decides how tokens are reported to the caller.',
    `
    logprobs top_logprobs prompt_logprobs skip_special_tokens spaces_between_special_tokens
    return_tokens_as_token_ids return_token_ids verbosity include_reasoning separate_reasoning stream_reasoning
    reasoning_format logprob_start_len return_progress timings_per_token
    `,
  ),
  ...rows(
    'free',
    'It names the caller or the call.',
    `
    user user_id safety_identifier metadata request_id rid session_id trace litellm_session_id litellm_trace_id
    litellm_call_id
    `,
  ),
  ...rows(
    'free',
    'It controls the cache; a read from a cache costs no more than input.',
    `
    store prompt_cache_key prompt_cache_retention cache_salt cache_prompt id_slot
    `,
  ),
  ...rows('free', 'It leaves out some of the messages.', 'transforms truncate_prompt_tokens'),

  ...rows('bounded', 'Functions are text; built-in tools are refused.', 'tools'),
  ...rows(
    'bounded',
    'It is text of the input, and the answer to it is output.',
    `
    tool_choice parallel_tool_calls functions function_call response_format guided_json guided_regex guided_choice
    guided_grammar guided_decoding_backend guided_whitespace_pattern structured_outputs structural_tag json_schema
    grammar regex ebnf
    `,
  ),
  ...rows('bounded', 'Reasoning is output, within its ceiling.', 'reasoning_effort parse_tool_calls prompt_mode'),
  ...TEMPLATE_SETTINGS,
  ...rows('bounded', 'It makes the answer longer, within the ceiling of the output.', 'min_tokens ignore_eos'),
  ...rows(
    'bounded',
    'The tokens of a chat template come with every call.',
    `
    add_generation_prompt continue_final_message add_special_tokens
    `,
  ),
  ...rows(
    'bounded',
    'Only the provider simulator reads it; other providers do not know the name.',
    `
    simulator
    `,
  ),
  ...rows('bounded', 'Tokens that are written to a cache are charged as input.', 'prompt_cache_options cache_control'),
  {
    name: 'enable_thinking',
    use: 'bounded',
    why: 'Some models think beyond the ceiling of the output.',
    isBounded: (on) => on === false,
  },
  {
    name: 'thinking',
    use: 'bounded',
    why: 'Some models think beyond the ceiling of the output, or have a separate budget to think.',
    isBounded: isSwitchedOff,
  },
  {
    name: 'reasoning',
    use: 'bounded',
    why: 'Reasoning is output, within its ceiling; a number of tokens is a separate budget.',
    isBounded: isWithoutBudget,
  },
  { name: 'modalities', use: 'bounded', why: 'Text is bounded; speech and images are not.', isBounded: isTextOnly },

  ...rows(
    'unbounded',
    'Speech and images have prices of their own.',
    `
    audio image_config image_generation enhancements
    `,
  ),
  ...rows(
    'unbounded',
    'Each search is charged, and its results are input.',
    `
    web_search_options web_search search_parameters search_options enable_search plugins search_mode return_images
    return_related_questions enable_source documents citations
    `,
  ),
  ...rows('unbounded', 'Unused tokens of a prediction are charged as output beyond the ceiling.', 'prediction'),
  ...rows(
    'unbounded',
    'It is a separate budget of tokens, beside the ceiling of the output.',
    `
    thinking_budget thinking_config generation_config max_output_tokens max_new_tokens max_length
    max_tokens_to_sample num_predict n_predict options prompt_truncate_len
    `,
  ),
  ...rows(
    'unbounded',
    'It multiplies the output.',
    `
    best_of use_beam_search n_cmpl num_return_sequences candidate_count
    `,
  ),
  ...rows('unbounded', 'It asks for a more expensive service.', 'speed priority performance_config'),
  ...rows('unbounded', 'It is a program that writes the input.', 'chat_template custom_params vllm_xargs'),
  ...rows(
    'unbounded',
    'Another model reads the request too, and its price is not in the price book.',
    `
    guardrails guardrail_config
    `,
  ),
  ...rows(
    'unbounded',
    'It is input that need not be text.',
    `
    prompt input inputs prompt_token_ids multi_modal_data mm_processor_kwargs images attachments files file_ids
    `,
  ),

  ...rows(
    'omitted',
    'OpenRouter once took it, and now shows the usage of each call; OpenAI refuses the name.',
    'usage',
  ),

  ...rows('elsewhere', 'It names another model, which reads the request too.', 'moderation'),
  ...ELSEWHERE_FIELDS,
];
