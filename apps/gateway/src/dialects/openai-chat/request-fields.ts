/**
 * What a top-level field of a chat request means for its cost and its way.
 *
 * - `read`: the gateway reads or replaces it; `receiveBody` and `boundCost` check its value.
 * - `free`: it decides which tokens are written, or goes with the call; it adds none.
 * - `bounded`: it may add tokens, but no more than its own bytes, or within the ceiling of the output.
 * - `unbounded`: it asks for what its bytes and the ceiling do not bound. Refused for a key with a credit limit.
 * - `elsewhere`: it names another model, address or credential than the route's. Refused for every key.
 *
 * A field that is not in the table is taken for unbounded, or for one that leads elsewhere where its name says so. What
 * is `unbounded`, `elsewhere` or not in the table passes where the provider's entry in `config.yaml` names it in
 * `allow_fields`.
 */
type FieldUse = 'read' | 'free' | 'bounded' | 'unbounded' | 'elsewhere';

export interface RequestField {
  readonly name: string;
  readonly use: FieldUse;
  /** Why it is of that use. */
  readonly why: string;
  /** Of a bounded field only some values are bounded: whether this one, parsed, is. */
  readonly isBounded?: (value: unknown) => boolean;
}

/** Tiers that cost what the price book says, or less. */
const TIERS: ReadonlySet<unknown> = new Set(['auto', 'default', 'flex']);

const isTextOnly = (kinds: unknown): boolean => Array.isArray(kinds) && kinds.every((kind) => kind === 'text');

/** A row for each of the names, which white space separates. */
function rows(use: FieldUse, why: string, names: string): readonly RequestField[] {
  return words(names).map((name) => ({ name, use, why }));
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/**
 * Servers call the template with these names: a program instead of it, its whole input, how long that is made, or the
 * special tokens, which stand once for each message.
 */
const TEMPLATE_ARGUMENTS = /template|tools|document|message|conversation|prompt|pad|length|trunc|token|function/i;
/** Switches whose values are words. Any other text may be written out as often as the template likes. */
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

/** Words at the end of a name that say what it holds: an address, a credential, another model, or a call of its own. */
const LEADING_WORDS = words(`
  api_?keys? api_?tokens? api_?base api_?url api_?host base_?ur[li] ur[li]s? host hostname port proxy endpoints?
  webhooks? callbacks? servers? secrets? (secret|access|private|public|session|virtual)_?keys? access_key_id
  (access|auth|bearer|session|id|ad)_?token password passwd credentials? service_account authorization
  bucket(_name)? deployments?(_(id|name))? fallbacks?
  (model|lora|adapter|engine|router?|provider)s?(_(id|name|list|override|path|options|preferences))? headers
  tenant(_id)? organizations?(_id)? projects?(_id)? region(_name)?
`);
/** Names of systems that a relay calls beside the provider: what begins with one is for the relay. */
const SYSTEMS = words(`
  langfuse langsmith posthog slack litellm helicone cf_aig portkey braintrust arize phoenix datadog sentry wandb
  mlflow azure aws s3 gcs gcp vertex sagemaker bedrock watsonx databricks ollama hf mcp
`);
const LEADS_ELSEWHERE = new RegExp(
  `(^|_)(${LEADING_WORDS.join('|')})$|^(${SYSTEMS.join('|')})_|(^|_)fallback|callback|webhook`,
);

/**
 * Whether the name of a field that is not in the table says that it leads elsewhere, in snake_case, camelCase or with
 * dashes. Relays name such a field after each system that they know, so no list of them is ever whole.
 */
export function leadsElsewhere(name: string): boolean {
  return LEADS_ELSEWHERE.test(
    name
      .normalize('NFKD')
      .replace(/[\p{M}\s]/gu, '')
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replaceAll(/[-.]/g, '_')
      .toLowerCase(),
  );
}

/**
 * The fields of OpenAI's chat completions, and those that compatible providers and relays add to it: vLLM, SGLang,
 * llama.cpp, OpenRouter, LiteLLM, Portkey, Azure, Mistral, DeepSeek, Together, Groq, xAI, Perplexity.
 */
export const REQUEST_FIELDS: readonly RequestField[] = [
  ...rows('read', 'It chooses the route.', 'model'),
  ...rows('read', 'Its bytes bound the input; its parts are looked at one by one.', 'messages'),
  ...rows('read', 'It decides how the answer is read.', 'stream stream_options'),
  ...rows('read', 'It is the ceiling of the output.', 'max_tokens max_completion_tokens'),
  ...rows('read', 'It multiplies the output.', 'n'),

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
    'It decides how tokens are told to the caller.',
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
    'It keeps the answer, or finds what is kept; a read from a cache is no dearer than input.',
    `
    store prompt_cache_key prompt_cache_retention cache_salt cache_prompt id_slot
    `,
  ),
  ...rows('free', 'It leaves out some of the messages.', 'transforms truncate_prompt_tokens'),

  ...rows('bounded', 'The built-in tools among them are refused one by one; functions are text.', 'tools'),
  ...rows(
    'bounded',
    'It is text of the input, and what is written for it is output.',
    `
    tool_choice parallel_tool_calls functions function_call response_format guided_json guided_regex guided_choice
    guided_grammar guided_decoding_backend guided_whitespace_pattern structured_outputs structural_tag json_schema
    grammar regex ebnf
    `,
  ),
  ...rows('bounded', 'Reasoning is output, within its ceiling.', 'reasoning_effort parse_tool_calls prompt_mode'),
  ...TEMPLATE_SETTINGS,
  ...rows('bounded', 'What it makes longer stays within the ceiling of the output.', 'min_tokens ignore_eos'),
  ...rows(
    'bounded',
    'The tokens of a chat template come with every call.',
    `
    add_generation_prompt continue_final_message add_special_tokens
    `,
  ),
  ...rows(
    'bounded',
    'The provider simulator alone reads it; to any other provider it is a name without a meaning.',
    `
    simulator
    `,
  ),
  ...rows('bounded', 'What is written to a cache is charged as input.', 'prompt_cache_options cache_control'),
  {
    name: 'service_tier',
    use: 'bounded',
    why: 'Some tiers are dearer than the price book.',
    isBounded: (tier) => TIERS.has(tier),
  },
  {
    name: 'enable_thinking',
    use: 'bounded',
    why: 'Some models think beyond the ceiling of the output.',
    isBounded: (on) => on === false,
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
    'Searches are charged for each, and what they find is input.',
    `
    web_search_options web_search search_parameters search_options enable_search plugins search_mode return_images
    return_related_questions enable_source documents citations
    `,
  ),
  ...rows('unbounded', 'What is not used of a prediction is charged as output beyond the ceiling.', 'prediction'),
  ...rows(
    'unbounded',
    'It is a budget of tokens of its own, beside the ceiling of the output.',
    `
    reasoning thinking thinking_budget thinking_config generation_config max_output_tokens max_new_tokens max_length
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
  ...rows('unbounded', 'It asks for dearer service.', 'speed priority performance_config'),
  ...rows('unbounded', 'It is a program that writes the input.', 'chat_template custom_params vllm_xargs'),
  ...rows(
    'unbounded',
    'Another model reads the call too, and its price is not in the price book.',
    `
    moderation guardrails guardrail_config
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
    'elsewhere',
    'It names another model.',
    `
    models fallbacks fallback fallback_model fallback_models context_window_fallbacks context_window_fallback_dict
    content_policy_fallbacks default_fallbacks model_list model_name model_id model_info model_group model_alias
    model_group_alias base_model target_model specific_deployment deployment deployment_id azure_deployment engine
    route router router_settings router_settings_override user_config litellm_params litellm_credential_name
    prompt_id preset targets strategy draft_model lora lora_path lora_request adapter adapter_id adapter_source
    config gateway
    `,
  ),
  ...rows(
    'elsewhere',
    'It names another provider or address.',
    `
    provider providers custom_llm_provider api_base base_url api_url api_host api_endpoint api_type api_version
    azure_endpoint endpoint endpoint_url url host custom_host proxy proxies proxy_url data_sources kv_transfer_params
    bootstrap_host bootstrap_port bootstrap_room webhook webhook_url callback_url region_name aws_region_name
    aws_sts_endpoint aws_bedrock_runtime_endpoint vertex_location vertex_ai_location watsonx_region_name
    `,
  ),
  ...rows(
    'elsewhere',
    'It names another credential, or whom it belongs to.',
    `
    api_key api_keys api_token auth authorization auth_token access_token bearer_token token credential credentials
    virtual_key secret_key client_id client_secret tenant_id azure_ad_token azure_ad_token_provider azure_username
    azure_password azure_scope aws_access_key_id aws_secret_access_key aws_session_token aws_session_name
    aws_profile_name aws_role_name aws_external_id aws_web_identity_token vertex_project vertex_ai_project
    vertex_credentials vertex_ai_credentials watsonx_project organization organization_id project project_id
    `,
  ),
  ...rows(
    'elsewhere',
    'It is put into the request, or its head, by a relay.',
    `
    extra_headers extra_body extra_query headers default_headers custom_headers additional_drop_params
    `,
  ),
];
