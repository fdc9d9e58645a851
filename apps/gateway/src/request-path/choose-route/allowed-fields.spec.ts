import { describe, expect, it } from 'vitest';
import { REQUEST_FIELDS } from '../../dialects/openai-chat/request-fields.js';
import type { Received } from '../exchange/exchange.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { chooseRoute } from './choose-route.js';
import { routeOf, type RouteTable, type Target } from './route-table.js';

const price = {
  inputNanoUsdPerMillion: 1n,
  outputNanoUsdPerMillion: 1n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 1,
};
const target = (name: string, ...allowFields: string[]) =>
  ({ model: 'm', weight: 1, price, provider: { name, allowFields: new Set(allowFields) } }) as unknown as Target;

/**
 * The result for a key without a credit limit: the refusal, or the names of the providers that the request may go to.
 */
function outcome(fields: object, ...targets: Target[]) {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: [], ...fields }));
  const exchange = {
    ask: openAiChat.read(body),
    key: { allowsModel: null, organization: { snapshot: null } },
  } as unknown as Received;
  const refusal = chooseRoute({ at: () => ({ find: () => routeOf('m', targets) }) } as unknown as RouteTable)(exchange);
  return refusal ?? exchange.targets.map(({ provider }) => provider.name).sort();
}

describe('a field that names another model, address or credential', () => {
  const names = REQUEST_FIELDS.filter(({ use }) => use === 'elsewhere').map(({ name }) => name);
  it('is one of many, in any relay', () => {
    expect(names).toEqual(
      expect.arrayContaining([
        'models',
        'fallbacks',
        'provider',
        'route',
        'preset',
        'api_base',
        'base_url',
        'api_key',
        'api_version',
        'organization',
        'user_config',
        'deployment_id',
        'data_sources',
        'extra_headers',
        'extra_body',
        'kv_transfer_params',
        'lora_request',
      ]),
    );
  });
  it.each(names)('is refused by its name, for every key: %s', (name) => {
    for (const value of ['x', [], {}, false, 0, ['x']])
      expect(outcome({ [name]: value }, target('a'))).toMatchObject({
        kind: 'refusal',
        code: 'invalid_request',
        param: name,
      });
  });
  it.each(names)('passes where the provider may be sent it, or it is null: %s', (name) => {
    expect(outcome({ [name]: ['x'] }, target('a', name))).toEqual(['a']);
    expect(outcome({ [name]: null }, target('a'))).toEqual(['a']);
  });
  it('goes to those targets alone whose provider may be sent it', () => {
    expect(outcome({ models: ['x'] }, target('a'), target('b', 'models'), target('c', 'models', 'route'))).toEqual([
      'b',
      'c',
    ]);
    expect(
      outcome({ models: ['x'], route: 'fallback' }, target('a'), target('b', 'models'), target('c', 'models', 'route')),
    ).toEqual(['c']);
    expect(outcome({ models: ['x'], route: 'fallback' }, target('b', 'models'))).toMatchObject({
      code: 'invalid_request',
      param: 'route',
    });
  });
  it('is found among any number of fields that nobody knows', () => {
    const unknown = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`x${i}`, i]));
    expect(outcome({ ...unknown, models: ['x'] }, target('a'))).toMatchObject({ param: 'models' });
  });
  it.each([
    'langfuse_host',
    'langfuse_public_key',
    'langfuse_secret',
    'langfuse_secret_key',
    'langfuseHost',
    'langsmith_api_key',
    'langsmith_base_url',
    'posthog_api_url',
    'slack_webhook_url',
    'success_callback',
    'failure_callback',
    'callbacks',
    'litellm_metadata',
    'my_api_key ',
    ' langfuse_prompt',
    'x_api_k\u00e9y',
    'disable_fallbacks',
    's3_endpoint_url',
    'sagemaker_base_url',
    'ollama_base_url',
    'deployment_url',
    'vertex_ai_api_key',
    'x-api-key',
    'X-Api-Key',
    'gcs_bucket_name',
    'gcs_path_service_account',
    'azure_deployment_id',
    'model_override',
    'hf_model_name',
    'lora_name',
    'mcp_servers',
    'mcpServers',
    'cohere_api_key',
    'anthropicApiKey',
    'openai-organization',
    'OPENAI_BASE_URL',
    'baseURL2_url',
    'upstream_host',
    'http.proxy',
    'providerOptions',
    'provider_preferences',
    'cf_aig_token',
    'gateway',
    'config',
    'backup_models',
    'retry_fallback_model',
    'on_finish_webhook',
    'tunnel_port',
    'aws_anything',
  ])('is one that its name says, whatever it is called: %s', (name) => {
    for (const value of ['x', [], {}, false, 0])
      expect(outcome({ [name]: value }, target('a'))).toMatchObject({ code: 'invalid_request', param: name });
    expect(outcome({ [name]: null }, target('a'))).toEqual(['a']);
    expect(outcome({ [name]: 'x' }, target('a', name))).toEqual(['a']);
  });
  it.each([
    'ghost',
    'report',
    'export_format',
    'secretive',
    'keystone',
    'monkey',
    'response_modalities',
    'hostile',
    'curl_',
    'thinking_tokens',
    'eos_token_id',
    'max_reasoning_tokens',
    'modelling',
    'chat_template_kwargs2',
    'engineer',
    'router_bias',
    'customer_account_id',
    'max_session_tokens',
    'litellm_session_id',
    'litellm_trace_id',
    'nofallback',
  ])('is none that only looks like it: %s', (name) => {
    expect(outcome({ [name]: 'x' }, target('a'))).toEqual(['a']);
  });
});

describe('a field that nobody knows, or whose cost has no bound', () => {
  it.each(['a_field_of_tomorrow', 'prediction', 'thinking', 'plugins', 'web_search_options', 'audio', 'tools'])(
    'passes for a key without a limit: %s',
    (name) => {
      expect(outcome({ [name]: [{ type: 'x' }] }, target('a'))).toEqual(['a']);
    },
  );
});
