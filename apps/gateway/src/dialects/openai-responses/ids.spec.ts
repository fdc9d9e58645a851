import { sealedIdsFrom } from '@tollgate/sealing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownIds } from '../../request-path/own-ids/own-ids.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { speechTo, type Routed } from '../../request-path/exchange/exchange.js';
import type { Ask, UpstreamCall } from '../ask.js';
import { openAiResponses } from './openai-responses.js';
import { ResponseIds } from './response-ids.js';

const sealedIds = sealedIdsFrom({ pepper: 'the pepper of the test' });
const RAW = 'resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b';
const target = (name: string, model = 'gpt', dialect = 'openai-responses') =>
  ({ provider: { name, dialects: new Set([dialect]) }, model, weight: 1 }) as unknown as Target;
const [A, B] = [target('a'), target('b')] as const;

function exchange(fields: object, targets: readonly Target[] = [A, B], organizationId = 'org'): Routed {
  const ask = openAiResponses.read(Buffer.from(JSON.stringify({ model: 'm', ...fields }))) as Ask;
  return {
    ask,
    key: { snapshot: { organizationId } },
    route: { targets },
    targets,
    translations: null,
    bound: null,
  } as unknown as Routed;
}
const own = (made: Routed) => ownIds(sealedIds)(made);
const idsOf = (of: Target, organizationId = 'org', hasOthers = true) =>
  new ResponseIds(of, { organizationId, sealedIds, hasOthers });
const call = () => ({ holdNanoUsd: null, injectedMaxTokens: null, ceilingLeftOut: false }) as unknown as UpstreamCall;
const sent = (made: Routed, to: Target) =>
  JSON.parse(speechTo(made, to).bodyFor(to, call()).toString()) as Record<string, unknown>;

describe('a response that another goes on from', () => {
  it('is looked for at the target that made it, under the provider’s own id', () => {
    const made = exchange({ input: 'a', previous_response_id: idsOf(B).seal(RAW) });
    expect(own(made)).toBeUndefined();
    expect(made.targets).toEqual([B]);
    expect(sent(made, B)).toEqual({ model: 'gpt', input: 'a', previous_response_id: RAW });
  });
  const good = idsOf(A).seal(RAW);
  it.each<[string, unknown]>([
    ['a raw id', RAW],
    ['an unknown one', 'resp_unknown'],
    ['an empty one', ''],
    ['one of another organisation', idsOf(A, 'another').seal(RAW)],
    ['one of another provider', idsOf(target('c')).seal(RAW)],
    ['one of another model', idsOf(target('a', 'gpt-2')).seal(RAW)],
    ['one in capitals', good.toUpperCase()],
    ['one in small letters', good.toLowerCase()],
    ['one that is cut', good.slice(0, -1)],
    ['one without its prefix', good.slice(5)],
    ['one with another prefix', good.replace('resp_', 'msg_')],
    ['one with a space', ` ${good}`],
    ['one with a line end', `${good}\n`],
    ['one that is encoded for a URL', encodeURIComponent(`${good}/`)],
    ['one in a list', [good]],
    ['one in an object', { id: good }],
    ['a number', 7],
    ['a truth', true],
    ['a long text', 'resp_'.repeat(10_000)],
    ['a text of no UTF-16', '\ud800'],
  ])('is not found for %s, with one and the same answer', (_what, previous) => {
    const made = exchange({ input: 'a', previous_response_id: previous });
    expect(own(made)).toEqual({
      kind: 'refusal',
      code: 'previous_response_not_found',
      message: null,
      param: 'previous_response_id',
      headers: [],
    });
    expect(made.targets).toEqual([]);
  });
  it('is not found at providers of other dialects, which keep none', () => {
    const other = target('a', 'gpt', 'openai-chat');
    expect(own(exchange({ previous_response_id: good }, [other]))).toMatchObject({
      code: 'previous_response_not_found',
    });
    const both = exchange({ previous_response_id: good }, [other, A]);
    expect(own(both)).toBeUndefined();
    expect(both.targets).toEqual([A]);
    const without = exchange({ input: 'a' }, [other, A]);
    expect(own(without)).toBeUndefined();
    expect(without.targets).toEqual([other, A]);
  });
  it('opens for the organisation and the target that it was made for, and for no other, whatever the id', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const who = fc.record({ organizationId: name, provider: name, model: name });
    fc.assert(
      fc.property(who, who, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (from, to, id) => {
        const sealed = idsOf(target(from.provider, from.model), from.organizationId).seal(id);
        const made = exchange({ previous_response_id: sealed }, [target(to.provider, to.model)], to.organizationId);
        const isSame = JSON.stringify(from) === JSON.stringify(to);
        expect(own(made) === undefined).toBe(isSame);
        if (isSame) expect(sent(made, made.targets[0])).toMatchObject({ previous_response_id: id });
      }),
    );
  });
});

describe('encrypted content', () => {
  const thought = (content: string, id = 'rs_1') => ({
    type: 'reasoning',
    id,
    summary: [],
    encrypted_content: content,
  });
  const user = { role: 'user', content: 'a' };
  const marked = (of: Target) => `${idsOf(of).mark}gAAAA`;
  it('goes to the target that made it first, as that made it', () => {
    const made = exchange({ input: [user, thought(marked(B)), user] });
    expect(own(made)).toBeUndefined();
    expect(made.targets).toEqual([B, A]);
    expect(sent(made, B)['input']).toEqual([user, thought('gAAAA'), user]);
  });
  it('is left out with its item at another target, which is told', () => {
    const made = exchange({ input: [user, thought(marked(B)), user] });
    own(made);
    expect(sent(made, A)['input']).toEqual([user, user]);
    expect(speechTo(made, A).leftOut(A)).toEqual(['reasoning.encrypted_content']);
    expect(speechTo(made, B).leftOut(B)).toEqual([]);
  });
  it('is left out wherever it stands in the input', () => {
    const kinds = fc.array(fc.constantFrom('user', 'here', 'elsewhere'), { maxLength: 8 });
    const spaces = fc.constantFrom(undefined, 1, 2);
    fc.assert(
      fc.property(kinds, spaces, (order, indent) => {
        const all = order.map((kind) => (kind === 'user' ? user : thought(marked(kind === 'here' ? A : B))));
        const body = JSON.stringify({ model: 'm', input: all }, null, indent);
        const made = exchange({});
        (made as { ask: Ask }).ask = openAiResponses.read(Buffer.from(body)) as Ask;
        own(made);
        const kept = order
          .filter((kind) => kind !== 'elsewhere')
          .map((kind) => (kind === 'user' ? user : thought('gAAAA')));
        expect(sent(made, A)['input']).toEqual(kept);
      }),
    );
  });
  it('without a mark goes anywhere as it is: it comes from before there were several targets', () => {
    const made = exchange({ input: [thought('gAAAA'), thought('tg1.short.gAAAA')] });
    own(made);
    expect(made.targets).toEqual([A, B]);
    for (const to of [A, B]) expect(sent(made, to)['input']).toEqual([thought('gAAAA'), thought('tg1.short.gAAAA')]);
  });
  it('of another organisation is nobody’s here', () => {
    const foreign = `${new ResponseIds(A, { organizationId: 'another', sealedIds, hasOthers: true }).mark}gAAAA`;
    const made = exchange({ input: [user, thought(foreign)] });
    own(made);
    for (const to of [A, B]) expect(sent(made, to)['input']).toEqual([user]);
  });
  it('with a whole conversation is refused elsewhere, since nothing would be left of it', () => {
    const summary = { type: 'compaction', encrypted_content: marked(B) };
    const made = exchange({ input: [summary, user] });
    expect(own(made)).toBeUndefined();
    expect(made.targets).toEqual([B]);
    expect(own(exchange({ input: [summary] }, [A]))).toMatchObject({ code: 'invalid_request', param: 'input' });
  });
  it('in a part of a message between agents is read by its maker alone', () => {
    const said = (text: string) => ({
      type: 'agent_message',
      author: 'a',
      recipient: 'b',
      content: [{ type: 'encrypted_content', encrypted_content: text }],
    });
    const made = exchange({ input: [said(marked(B)), user] });
    expect(own(made)).toBeUndefined();
    expect(made.targets).toEqual([B]);
    expect(sent(made, B)['input']).toEqual([said('gAAAA'), user]);
  });
  it('is marked for the organisation and the provider where a route has one target, whatever its model', () => {
    const { mark } = idsOf(A, 'org', false);
    const sentTo = (to: Target, organizationId = 'org') => {
      const made = exchange({ input: [user, thought(`${mark}gAAAA`), user] }, [to], organizationId);
      own(made);
      return sent(made, to)['input'];
    };
    for (const to of [A, target('a', 'gpt-2')]) expect(sentTo(to)).toEqual([user, thought('gAAAA'), user]);
    expect(sentTo(B)).toEqual([user, user]);
    expect(sentTo(A, 'another')).toEqual([user, user]);
  });
});

describe('the id of a call that keeps something for another provider', () => {
  const kept = 'call_1.tg1.call.AbC_-.message.dEf';
  const calls = (id: string) => [
    { type: 'function_call', call_id: id, name: 'f', arguments: '{"call_id":"a.tg1.b"}' },
    { type: 'function_call_output', call_id: id, output: '"call_id": "a.tg1.b"' },
  ];
  it('is sent as its provider gave it, beside items that are left out, and all else as it is', () => {
    for (const id of [kept, 'call_1']) {
      const thought = { type: 'reasoning', summary: [], encrypted_content: `${idsOf(B).mark}gAAAA`, call_id: kept };
      const made = exchange({ input: [thought, ...calls(id), { role: 'user', content: 'a.tg1.b' }, thought] });
      own(made);
      expect(sent(made, A)['input']).toEqual([...calls('call_1'), { role: 'user', content: 'a.tg1.b' }]);
    }
  });
});
