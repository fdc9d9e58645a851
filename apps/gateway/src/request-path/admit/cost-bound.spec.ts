import { describe, expect, it } from 'vitest';
import { routeOf, type Target } from '../choose-route/route-table.js';
import type { Exchange } from '../exchange.js';
import { scanBody, type BodyFields } from '../receive-body/scan-body.js';
import { boundCost, type CostBound } from './cost-bound.js';

const price = { inputNanoUsdPerMillion: 1_000_000n, outputNanoUsdPerMillion: 10_000_000n, cachedInputNanoUsdPerMillion: null, maxOutputTokens: 500 };
const dearer = { ...price, outputNanoUsdPerMillion: 20_000_000n, maxOutputTokens: 100 };
const provider = { injectedFields: { takesCeiling: true }, endAtHold: false };
const targets = [{ price, provider }, { price: dearer, provider }] as unknown as Target[];

function bound(fields: object, only = targets.slice(0, 1)) {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields }));
  return boundCost({ body, fields: scanBody(body) as BodyFields, route: routeOf('m', only), targets: only, stream: (fields as { stream?: boolean }).stream === true } as unknown as Exchange);
}
const bytes = (fields: object): number => JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields }).length;

describe('the bound of a request’s cost', () => {
  it('is its bytes and the template as input, and the ceiling it names as output', () => {
    expect(bound({ max_tokens: 7 })).toEqual({ amountNanoUsd: BigInt(bytes({ max_tokens: 7 }) + 64 + 70), outputTokensMax: 7, injectedMaxTokens: null });
  });
  it('takes the larger of both names of the ceiling, times the choices', () => {
    const fields = { max_tokens: 7, max_completion_tokens: 9, n: 3 };
    expect(bound(fields)).toMatchObject({ amountNanoUsd: BigInt(bytes(fields) + 64 + 270) });
  });
  it('takes the model’s ceiling, and puts it into the body, where none is named', () => {
    expect(bound({})).toEqual({ amountNanoUsd: BigInt(bytes({}) + 64 + 5_000), outputTokensMax: 500, injectedMaxTokens: 500 });
    expect(bound({ max_tokens: null })).toMatchObject({ injectedMaxTokens: 500 });
  });
  it('is none where no provider takes a ceiling, unless its streams are ended at their hold', () => {
    const none = { price, provider: { injectedFields: { takesCeiling: false }, endAtHold: false } } as unknown as Target;
    const ended = { price, provider: { injectedFields: { takesCeiling: false }, endAtHold: true } } as unknown as Target;
    expect(bound({ max_tokens: 10 }, [none])).toMatchObject({ code: 'unbounded_cost' });
    expect(bound({ max_tokens: 10, stream: true }, [none, ended])).toMatchObject({ outputTokensMax: 10 });
    // Nothing ends a plain reply before it is whole.
    expect(bound({ max_tokens: 10 }, [none, ended])).toMatchObject({ code: 'unbounded_cost' });
  });
  it('takes the dearest price of all targets', () => {
    const both = bound({ max_tokens: 10 }, targets) as CostBound;
    expect(both.amountNanoUsd).toBe(BigInt(bytes({ max_tokens: 10 }) + 64 + 200));
  });
  it('refuses ceilings and choices that are no whole numbers within bounds, naming the field', () => {
    for (const [fields, param] of [[{ max_tokens: 0 }, 'max_tokens'], [{ max_tokens: '5' }, 'max_tokens'], [{ max_completion_tokens: 1.5 }, 'max_completion_tokens'], [{ n: 129 }, 'n'], [{ n: -1 }, 'n']] as const) {
      expect(bound(fields)).toMatchObject({ kind: 'refusal', code: 'invalid_request', param });
    }
  });
  it('refuses what costs more than its bytes say, however it is spelt', () => {
    const image = { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }] };
    expect(bound(image)).toMatchObject({ kind: 'refusal', code: 'unbounded_cost' });
    const body = Buffer.from(JSON.stringify({ model: 'm', ...image }).replaceAll('image_url', 'im\\u0061ge_url'));
    expect(boundCost({ body, fields: scanBody(body) as BodyFields, route: routeOf('m', targets) } as unknown as Exchange)).toMatchObject({ kind: 'refusal', code: 'unbounded_cost' });
  });
  it('refuses speech, searches and dearer tiers, naming the field', () => {
    const asked: readonly (readonly [object, string])[] = [
      [{ audio: { voice: 'alloy', format: 'wav' } }, 'audio'], [{ modalities: ['text', 'audio'] }, 'modalities'], [{ web_search_options: {} }, 'web_search_options'],
      [{ service_tier: 'priority' }, 'service_tier'], [{ messages: [{ role: 'assistant', audio: { id: 'audio_1' } }] }, 'messages'], [{ messages: [{ role: 'assistant', audio: 'audio_1' }] }, 'messages'],
    ];
    for (const [fields, param] of asked) expect(bound(fields), param).toMatchObject({ kind: 'refusal', code: 'unbounded_cost', param });
    expect(bound({ modalities: ['text'], service_tier: 'default', audio: null, web_search_options: null })).toHaveProperty('amountNanoUsd');
  });
  it('takes text that talks of images for text', () => {
    expect(bound({ messages: [{ role: 'user', content: 'what is "image_url"? caf\u00e9 \u0001' }] })).toHaveProperty('amountNanoUsd');
    expect(bound({ messages: [{ role: 'user', content: [{ type: 'text', text: 'file' }] }] })).toHaveProperty('amountNanoUsd');
  });
});
