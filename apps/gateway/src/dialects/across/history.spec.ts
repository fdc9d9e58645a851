import { sealedIdsFrom } from '@tollgate/sealing';
import { describe, expect, it } from 'vitest';
import { InjectedFields } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import type { Routed } from '../../request-path/exchange/exchange.js';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import type { UpstreamCall } from '../ask.js';
import type { Dialect } from '../dialect.js';
import { OPENAI_ERRORS } from '../openai/errors.js';
import type { Translation } from './translation.js';
import { translator } from './translator.js';

const SEALED_IDS = sealedIdsFrom({ pepper: 'the pepper of the test' });
const messages = { name: 'anthropic-messages', errors: OPENAI_ERRORS } as unknown as Dialect;
const call: UpstreamCall = {
  holdNanoUsd: null,
  injectedMaxTokens: null,
  ceilingLeftOut: false,
  fieldNames: null,
  injected: { ceiling: null, ceilingTokens: null, streamOptions: false },
};
/** A history with a thought that nobody has sealed, and a call with numbers that JavaScript would round. */
const INPUT = '{"id":2512292042121000001,"far":1e400,"price":0.1000}';
const HISTORY = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[
  {"type":"thinking","thinking":"Look first.","signature":""},
  {"type":"tool_use","id":"toolu_01A","name":"look","input":${INPUT}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01A","content":"4"}]}]}`;

function targetOf(model: string, provider: object): Target {
  const injectedFields = new InjectedFields({ ceilingField: 'max_tokens', streamOptions: true });
  const knows = { earlierThoughts: null, mistralsCallIds: null, dialects: new Set(['openai-chat']), injectedFields };
  return { model, price: { maxOutputTokens: 100 }, provider: { ...knows, ...provider } } as unknown as Target;
}

function translate(target: Target): Translation {
  const ask = { body: Buffer.from(HISTORY), model: 'm', inputTokensEstimate: 7, omitted: [] };
  const exchange = {
    ask,
    errors: OPENAI_ERRORS,
    requestId: '0198-aa',
    startedAtMs: 1_000,
    key: { snapshot: { organizationId: 'org' } },
  } as unknown as Routed;
  const translation = translator(messages, exchange, SEALED_IDS)(target);
  if (translation === null || isRefusal(translation)) throw new Error(JSON.stringify(translation));
  return translation;
}

const sent = (target: Target): string => translate(target).bodyFor(target, call).toString();

describe('a history in another dialect', () => {
  it('has the numbers that the caller wrote', () => {
    expect(sent(targetOf('m', {}))).toContain(`"arguments":${JSON.stringify(INPUT)}`);
  });

  it.each([
    ['gpt-5.6', null, false],
    ['deepseek-ai/DeepSeek-V3.2', null, true],
    ['moonshotai/kimi-k2.5', null, true],
    ['moonshotai/kimi-k2.5', false, false],
    ['my-deployment', true, true],
  ])('has the thoughts before a call for %s at a provider of which %s is known: %s', (model, earlierThoughts, has) => {
    expect(sent(targetOf(model, { earlierThoughts })).includes('"reasoning_content":"Look first."')).toBe(has);
  });

  it.each([
    ['gpt-5.6', null, /"tool_call_id":"toolu_01A"/],
    ['mistralai/devstral-2512', null, /"tool_call_id":"[a-zA-Z0-9]{9}"/],
    ['my-deployment', true, /"tool_call_id":"[a-zA-Z0-9]{9}"/],
  ])('has ids of calls for %s at a provider of which %s is known', (model, mistralsCallIds, id) => {
    expect(sent(targetOf(model, { mistralsCallIds }))).toMatch(id);
  });
});
