import { describe, expect, it } from 'vitest';
import { REQUEST_FIELDS } from '../../dialects/openai-chat/request-fields.js';
import type { Exchange } from '../exchange.js';
import { scanBody, type BodyFields } from '../receive-body/scan-body.js';
import { chooseRoute } from './choose-route.js';
import { routeOf, type RouteTable, type Target } from './route-table.js';

const price = { inputNanoUsdPerMillion: 1n, outputNanoUsdPerMillion: 1n, cachedInputNanoUsdPerMillion: null, maxOutputTokens: 1 };
const target = (name: string, ...allowFields: string[]) => ({ model: 'm', weight: 1, price, provider: { name, allowFields: new Set(allowFields) } }) as unknown as Target;

/** What becomes of a call of a key without a limit: the refusal, or the names of the providers that it may go to. */
function outcome(fields: object, ...targets: Target[]) {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: [], ...fields }));
  const exchange = { body, fields: scanBody(body) as BodyFields, model: 'm', key: { allowsModel: null } } as unknown as Exchange;
  const refusal = chooseRoute({ find: () => routeOf('m', targets) } as unknown as RouteTable)(exchange);
  return refusal ?? exchange.targets.map(({ provider }) => provider.name).sort();
}

describe('a field that names another model, address or credential', () => {
  const names = REQUEST_FIELDS.filter(({ use }) => use === 'elsewhere').map(({ name }) => name);
  it('is one of many, in any relay', () => {
    expect(names).toEqual(expect.arrayContaining(['models', 'fallbacks', 'provider', 'route', 'preset', 'api_base', 'base_url', 'api_key', 'api_version', 'organization', 'user_config', 'deployment_id', 'data_sources', 'extra_headers', 'extra_body', 'kv_transfer_params', 'lora_request']));
  });
  it.each(names)('is refused by its name, for every key: %s', (name) => {
    for (const value of ['x', [], {}, false, 0, ['x']]) expect(outcome({ [name]: value }, target('a'))).toMatchObject({ kind: 'refusal', code: 'invalid_request', param: name });
  });
  it.each(names)('passes where the provider may be sent it, or it is null: %s', (name) => {
    expect(outcome({ [name]: ['x'] }, target('a', name))).toEqual(['a']);
    expect(outcome({ [name]: null }, target('a'))).toEqual(['a']);
  });
  it('goes to those targets alone whose provider may be sent it', () => {
    expect(outcome({ models: ['x'] }, target('a'), target('b', 'models'), target('c', 'models', 'route'))).toEqual(['b', 'c']);
    expect(outcome({ models: ['x'], route: 'fallback' }, target('a'), target('b', 'models'), target('c', 'models', 'route'))).toEqual(['c']);
    expect(outcome({ models: ['x'], route: 'fallback' }, target('b', 'models'))).toMatchObject({ code: 'invalid_request', param: 'route' });
  });
  it('is found among any number of fields that nobody knows', () => {
    const unknown = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x${i}`, i]));
    expect(outcome({ ...unknown, models: ['x'] }, target('a'))).toMatchObject({ param: 'models' });
  });
});

describe('a field that nobody knows, or whose cost has no bound', () => {
  it.each(['a_field_of_tomorrow', 'prediction', 'thinking', 'plugins', 'web_search_options', 'audio', 'tools'])('passes for a key without a limit: %s', (name) => {
    expect(outcome({ [name]: [{ type: 'x' }] }, target('a'))).toEqual(['a']);
  });
});
