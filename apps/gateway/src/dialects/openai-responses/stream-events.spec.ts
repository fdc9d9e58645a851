import { sealedIdsFrom } from '@tollgate/sealing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PartsPattern } from '../../providers/credential-mask.js';
import { IdSeal } from './id-seal.js';
import { ResponseIds } from './response-ids.js';
import { ResponseEvents } from './stream-events.js';

const RAW = 'resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b';
const PREVIOUS = 'resp_0000d2bed1ec8190b14f964abc0542670bb6a6b452d3795b';
const sealedIds = sealedIdsFrom({ pepper: 'the pepper of the test' });
const idsOf = (hasOthers = false) =>
  new ResponseIds({ provider: { name: 'openai' }, model: 'gpt' }, { organizationId: 'org', sealedIds, hasOthers });
const ids = idsOf();
const SEALED = ids.seal(RAW);
const reader = (credential: PartsPattern | null = null) =>
  new ResponseEvents(credential, new IdSeal(ids, { id: PREVIOUS, sealed: 'resp_previous' }));

type Event = Record<string, unknown>;
const usage = { input_tokens: 9, output_tokens: 4, total_tokens: 13 };
const response = (fields: Event = {}): Event => ({
  id: RAW,
  object: 'response',
  created_at: 1,
  status: 'in_progress',
  model: 'gpt',
  output: [],
  previous_response_id: PREVIOUS,
  usage: null,
  ...fields,
});
const message = (text: string) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [] }],
});
const sse = (event: Event): string =>
  `event: ${String(event['type'])}\ndata: ${Buffer.from(JSON.stringify(event)).toString('latin1')}\n\n`;

/** A stream as OpenAI sends it, with numbers. */
function stream(deltas: readonly string[], end: Event = { type: 'response.completed' }): string {
  const text = deltas.join('');
  const at = { output_index: 0, item_id: 'msg_1', content_index: 0 };
  const events: Event[] = [
    { type: 'response.created', response: response() },
    { type: 'response.in_progress', response: response() },
    { type: 'response.output_item.added', output_index: 0, item: { ...message(''), content: [] } },
    { type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '' } },
    ...deltas.map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, text },
    { type: 'response.content_part.done', ...at, part: { type: 'output_text', text } },
    { type: 'response.output_item.done', output_index: 0, item: message(text) },
    {
      ...end,
      response: response({ status: 'completed', output: [message(text)], usage, ...(end['response'] as Event) }),
    },
  ];
  return events
    .map((event, number) => sse({ ...event, sequence_number: number, obfuscation: 'x'.repeat(number % 5) }))
    .join('');
}

/** What a client is sent, and the reader at the end. */
function relay(text: string, cuts: readonly number[] = [], events = reader()) {
  const bytes = Buffer.from(text, 'latin1');
  let sent = '';
  let at = 0;
  for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
    const part = events.take(bytes.subarray(at, cut));
    sent += part.events + part.tail;
    at = Math.max(at, cut);
  }
  const rest = events.end();
  return { sent: sent + rest.events + rest.tail, events, done: rest.done };
}

describe('a stream of Responses', () => {
  it('is passed on to the byte but for the ids of responses, whatever the cuts', () => {
    const text = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 12 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(6_000), { maxLength: 8 }), (deltas, cuts) => {
        const upstream = stream(deltas);
        const { sent, events } = relay(
          upstream,
          cuts.map((cut) => Math.min(cut, upstream.length)),
        );
        expect(sent).toBe(upstream.replaceAll(RAW, SEALED).replaceAll(PREVIOUS, 'resp_previous'));
        expect(sent).not.toContain(RAW);
        expect(events).toMatchObject({ opened: true, finished: true, error: null, isReportEarly: false });
        expect(events.report).toMatchObject({ inputTokens: 9, outputTokens: 4 });
      }),
    );
  });
  it('counts the same whether it reads by template or not', () => {
    const deltas = ['Hello', ' you', ' there', ', 世界', ' "quoted"', ' and', ' so', ' on'];
    const counted = (text: string) => relay(text).events.countedTokens();
    const plain = stream(deltas);
    // Another field in each delta fits no template.
    const odd = plain.replace(
      /"logprobs":\[\],"sequence_number":(\d+)/g,
      '"logprobs":[],"odd":$1,"sequence_number":$1',
    );
    expect(odd).not.toBe(plain);
    expect(counted(odd)).toBe(counted(plain));
    expect(counted(plain)).toBeGreaterThan(7);
  });
  it('opens with the first item of the answer, so that a failure before it can go elsewhere', () => {
    const events = reader();
    const [created, progress, added] = stream(['a']).split(/(?<=\n\n)/);
    events.take(Buffer.from(created! + progress!));
    expect(events.opened).toBe(false);
    events.take(Buffer.from(added!));
    expect(events.opened).toBe(true);
  });
  it('opens once the events before the answer are long, which repeat the instructions', () => {
    const events = reader();
    events.take(
      Buffer.from(sse({ type: 'response.created', response: response({ instructions: 'x'.repeat(600_000) }) })),
    );
    expect(events.opened).toBe(true);
  });
  it.each([
    ['response.completed', 'completed'],
    ['response.incomplete', 'incomplete'],
  ])('ends with %s, and with nothing after it', (type, status) => {
    const { sent, events } = relay(`${stream(['a'], { type, response: { status } })}data: [DONE]\n\n`);
    expect(sent).not.toContain('[DONE]');
    expect(sent.trimEnd().split('\n\n').at(-1)).toContain(`event: ${type}`);
    expect(events).toMatchObject({ finished: true, error: null });
  });
  it('has its text counted from whole items, from the end alone, and from no item twice', () => {
    const counted = (...events: Event[]) => relay(events.map(sse).join('')).events.countedTokens();
    const end = { type: 'response.completed', response: response({ output: [message('Hello there, you.')] }) };
    const item = { type: 'response.output_item.done', output_index: 0, item: message('Hello there, you.') };
    const delta = { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'Hello there, you.' };
    const once = counted(delta, end);
    expect(once).toBeGreaterThan(0);
    expect([counted(end), counted(item, end), counted(delta, item, end)]).toEqual([once, once, once]);
  });
  it.each([
    'response.output_text.delta',
    'response.refusal.delta',
    'response.reasoning_text.delta',
    'response.reasoning_summary_text.delta',
    'response.function_call_arguments.delta',
    'response.custom_tool_call_input.delta',
    'response.code_interpreter_call_code.delta',
    'response.mcp_call_arguments.delta',
  ])('counts %s', (type) => {
    const { events } = relay(sse({ type, output_index: 0, delta: 'some words of text' }));
    expect(events.countedTokens()).toBeGreaterThan(3);
    expect(events.isReportEarly).toBe(true);
  });
  it('does not count sound', () => {
    const { events } = relay(sse({ type: 'response.audio.delta', delta: 'AAAA'.repeat(100) }));
    expect(events.countedTokens()).toBe(0);
  });
  it('reports tools that the provider ran, also where the stream breaks off', () => {
    const call = (id: string) => ({
      type: 'response.output_item.done',
      output_index: 0,
      item: { id, type: 'web_search_call', status: 'completed' },
    });
    const { events } = relay([call('ws_1'), call('ws_2')].map(sse).join(''));
    expect(events.report?.details?.toolCalls).toEqual({ web_search: 2 });
    const end = response({ output: [call('ws_1').item, call('ws_2').item], usage });
    const whole = relay([call('ws_1'), call('ws_2'), { type: 'response.completed', response: end }].map(sse).join(''));
    expect(whole.events.report).toMatchObject({ outputTokens: 4, details: { toolCalls: { web_search: 2 } } });
  });
});

describe('ids in a stream of Responses', () => {
  it.each([
    ['response.queued', { type: 'response.queued', response: response({ status: 'queued' }) }],
    ['an event that nobody knows', { type: 'response.rate_limits.updated', response_id: RAW }],
    [
      'a failure',
      { type: 'response.failed', response: response({ error: { code: 'server_error', message: `see ${RAW}` } }) },
    ],
    ['an error', { type: 'error', code: 'x', message: `Response ${RAW} broke off.`, param: null }],
    [
      'an error before anything is known of the id',
      { type: 'error', message: 'Response resp_ffffd2bed1ec8190 broke off.' },
    ],
    ['metadata', { type: 'response.completed', response: response({ metadata: { parent: RAW } }) }],
  ])('are sealed in %s', (_what, event) => {
    const { sent } = relay(sse({ type: 'response.output_item.added', item: {} }) + sse(event));
    expect(sent).not.toMatch(/resp_(?:67cc|0000|ffff)/);
    expect(sent).toContain(String(event['type']));
  });
  it('are sealed where they are spelt with escapes', () => {
    const escaped = RAW.replace('_', '\\u005f').replaceAll('e', '\\u0065');
    const { sent } = relay(stream(['a']).replaceAll(RAW, escaped));
    expect(sent).not.toContain(escaped);
    for (const { data } of eventsOf(sent))
      expect((data['response'] as Event | undefined)?.['id'] ?? SEALED).toBe(SEALED);
  });
  it('are sealed where they are short, without a change of other words', () => {
    const upstream = stream(['r', 'response r "r"']).replaceAll(RAW, 'r');
    const { sent } = relay(upstream);
    expect(eventsOf(sent).at(-1)?.data['response']).toMatchObject({ id: ids.seal('r'), object: 'response' });
    expect(sent).toContain('"delta":"r"'.replace('"r"', `"${ids.seal('r')}"`));
  });
  it('mark encrypted content, with the model only where a route has other targets', () => {
    const item = { id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: 'gAAAA' };
    const event = sse({ type: 'response.output_item.done', output_index: 0, item });
    const [alone, among] = [idsOf(false), idsOf(true)];
    expect(alone.mark).not.toBe(among.mark);
    for (const marking of [alone, among]) {
      const { sent } = relay(event, [], new ResponseEvents(null, new IdSeal(marking, null)));
      expect(eventsOf(sent)[0]?.data['item']).toEqual({ ...item, encrypted_content: `${marking.mark}gAAAA` });
    }
  });
});

describe('a stream of Responses that fails', () => {
  it.each<[string, Event, number]>([
    ['an error', { type: 'error', code: 'rate_limit_exceeded', message: 'Slow down.', param: null }, 429],
    [
      'a failed response',
      {
        type: 'response.failed',
        response: response({ status: 'failed', error: { code: 'server_error', message: 'm' } }),
      },
      502,
    ],
    [
      'a fault of the caller',
      { type: 'response.failed', response: response({ error: { code: 'invalid_image', message: 'm' } }) },
      400,
    ],
    ['an error object', { error: { message: 'm', code: 'context_length_exceeded' } }, 400],
  ])('before the answer tells the status of %s', (_what, event, status) => {
    const created = sse({ type: 'response.created', response: response() });
    const { events } = relay(created + sse(event));
    expect(events).toMatchObject({ opened: false, error: { status } });
  });
  it('in the middle ends with response.failed, in place of an error that did not end it', () => {
    const upstream = stream(['Hel', 'lo'])
      .split(/(?<=\n\n)/)
      .slice(0, 6)
      .join('');
    const error = { type: 'error', code: 'server_error', message: `${RAW} broke`, param: null, sequence_number: 6 };
    const { sent, events } = relay(upstream + sse(error));
    const all = eventsOf(sent);
    expect(all.map(({ data }) => data['sequence_number'])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(all.at(-1)).toMatchObject({
      name: 'response.failed',
      data: { response: { id: SEALED, status: 'failed', error: { code: 'server_error', message: `${SEALED} broke` } } },
    });
    expect(events.finished).toBe(false);
  });
  it('passes a response.failed of the provider on as the end', () => {
    const failed = {
      type: 'response.failed',
      sequence_number: 6,
      response: response({ status: 'failed', error: { code: 'server_error', message: 'm' }, usage }),
    };
    const { sent, events } = relay(
      stream(['Hel', 'lo'])
        .split(/(?<=\n\n)/)
        .slice(0, 6)
        .join('') + sse(failed),
    );
    expect(eventsOf(sent).filter(({ name }) => name === 'response.failed')).toHaveLength(1);
    expect(events).toMatchObject({ finished: false, error: { status: 502 }, report: { outputTokens: 4 } });
  });
  it('is told of our own error with the next number, inside the response, whatever has come', () => {
    const upstream = stream(['a', 'b', 'c', 'd']);
    const ends = [...upstream.matchAll(/\n\n/g)].map(({ index }) => index + 2).slice(0, -1);
    for (const [at, end] of ends.entries()) {
      const events = reader();
      events.take(Buffer.from(upstream.slice(0, end)));
      const [failed] = eventsOf(events.errorEvent('provider_timeout'));
      expect(failed).toMatchObject({
        name: 'response.failed',
        data: {
          type: 'response.failed',
          sequence_number: at + 1,
          response: {
            id: SEALED,
            object: 'response',
            status: 'failed',
            model: 'gpt',
            output: [],
            error: { code: 'provider_timeout' },
          },
        },
      });
    }
    const [first] = eventsOf(reader().errorEvent('provider_failed'));
    expect(first?.data).toMatchObject({
      sequence_number: 0,
      response: { status: 'failed', error: { code: 'provider_failed' } },
    });
  });
  it('drops half an event at its end, and never says that it is complete', () => {
    fc.assert(
      fc.property(fc.nat(5_000), (cut) => {
        const upstream = stream(['Hello', ' you']);
        const end = Math.min(cut, upstream.lastIndexOf('event:') + 40);
        const { sent, events, done } = relay(upstream.slice(0, end));
        expect(events.finished || done).toBe(false);
        expect(sent).not.toContain(RAW);
        expect(sent === '' || sent.endsWith('\n\n')).toBe(true);
      }),
    );
  });
  it('takes garbage, comments, pings and events without a type for no part of an answer', () => {
    for (const text of [
      ': hi\n\n',
      'event: ping\ndata: {}\n\n',
      'data: {"type":"keepalive","sequence_number":3}\n\n',
      'data: [1]\n\n',
      'data: nonsense\n\n',
    ]) {
      const { events } = relay(text);
      expect(events.opened, text).toBe(false);
    }
  });
});

describe('our credential in the deltas of Responses', () => {
  const credential = 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789';
  it('is found in pieces of one part, and not across parts', () => {
    const pieces = credential.match(/.{1,4}/g)!;
    const delta = (output_index: number) => (text: string) =>
      sse({
        type: 'response.output_text.delta',
        output_index,
        content_index: 0,
        item_id: `m${output_index}`,
        delta: text,
      });
    const told = relay(pieces.map(delta(0)).join(''), [], reader(new PartsPattern(credential)));
    expect(told.events.tellsCredential).toBe(true);
    expect(told.sent).not.toContain(pieces.at(-1)!);
    const apart = pieces.map((text, at) => delta(at % 2)(text)).join('');
    expect(relay(apart, [], reader(new PartsPattern(credential))).events.tellsCredential).toBe(false);
  });
});

function eventsOf(text: string): { name: string; data: Event }[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => ({
      name: /^event: (.*)$/m.exec(event)?.[1] ?? '',
      data: JSON.parse(Buffer.from(/^data: (.*)$/m.exec(event)![1]!, 'latin1').toString('utf8')) as Event,
    }));
}
