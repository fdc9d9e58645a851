import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Admission } from '@tollgate/admission';
import { Secret } from '@tollgate/api-key';
import type { SettleItem } from '@tollgate/credit';
import { sealedIdsFrom } from '@tollgate/sealing';
import type { Logger } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ask } from '../../dialects/ask.js';
import { anthropicMessages as messages } from '../../dialects/anthropic-messages/anthropic-messages.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { DialectName } from '../../dialects/dialect-name.js';
import { openAiChat as chat } from '../../dialects/openai-chat/openai-chat.js';
import { openAiCompletions as completions } from '../../dialects/openai-completions/openai-completions.js';
import { openAiEmbeddings as embeddings } from '../../dialects/openai-embeddings/openai-embeddings.js';
import { openAiResponses as responses } from '../../dialects/openai-responses/openai-responses.js';
import { openAiResponsesCompact as compact } from '../../dialects/openai-responses-compact/openai-responses-compact.js';
import type { Journal } from '../../journal/journal.js';
import { anthropic } from '../../providers/anthropic/anthropic.js';
import { openai } from '../../providers/openai/openai.js';
import type { ProviderType } from '../../providers/provider-type.js';
import { openProvider, type Provider } from '../../providers/provider.js';
import { routeOf, type Target } from '../choose-route/route-table.js';
import { Exchange, type Journaled } from '../exchange/exchange.js';
import { RequestLog } from '../exchange/request-log.js';
import type { CachedKey } from '../identify-key/cached-key.js';
import type { KeyLook } from '../identify-key/look-again.js';
import { ownIds } from '../own-ids/own-ids.js';
import { settle } from '../settle/settle.js';
import { speak } from '../speak/speak.js';
import { forward } from './forward.js';

/** 1 nano-USD for a token of input, 10 for one of output. */
const price = {
  inputNanoUsdPerMillion: 1_000_000n,
  outputNanoUsdPerMillion: 10_000_000n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 500,
  contextTokens: 100_000,
};
const REPORTED_COST = 1_500n;
const ANSWER_COST = 60n;

/** What a provider sends: one body, or events; `cut` breaks the connection after it. */
interface Sent {
  readonly status?: number;
  readonly json?: unknown;
  readonly events?: readonly string[];
  readonly cut?: true;
}

/** What each model of the test sends. */
const sends = new Map<string, Sent>();
let upstream: Server;
let gateway: Server;
let ofOpenAi: Provider;
let ofAnthropic: Provider;
let run: (exchange: Exchange) => Promise<void>;

beforeAll(async () => {
  upstream = createServer((asked, reply) => void play(asked, reply));
  gateway = createServer((asked, reply) => void run(new Exchange(asked, reply, chat.errors)));
  for (const server of [upstream, gateway]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  ofOpenAi = provider('o', openai);
  ofAnthropic = provider('a', anthropic);
});
afterAll(async () => {
  for (const { pool, freshPool } of [ofOpenAi, ofAnthropic]) await Promise.all([pool.destroy(), freshPool.destroy()]);
  for (const server of [upstream, gateway]) {
    server.close();
    server.closeAllConnections();
  }
});

async function play(asked: IncomingMessage, reply: ServerResponse): Promise<void> {
  let body = '';
  for await (const piece of asked) body += String(piece);
  const { status = 200, json, events, cut } = sends.get((JSON.parse(body) as { model: string }).model)!;
  reply.writeHead(status, { 'content-type': events === undefined ? 'application/json' : 'text/event-stream' });
  if (events === undefined) return void reply.end(JSON.stringify(json));
  reply.write(events.join(''), () => (cut === true ? setTimeout(() => reply.destroy(), 20) : reply.end()));
}

function provider(name: string, type: ProviderType): Provider {
  return openProvider(
    {
      name,
      type: 'openai',
      apiVersion: null,
      baseUrl: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`,
      credential: new Secret(`sk-provider-credential-${name}-AbCdEf123456`),
      credentialVariable: 'P',
      allowPrivateNetwork: true,
      timeoutMs: 120_000,
      ceilingField: 'max_tokens',
      streamOptions: true,
      endAtHold: false,
      firstByteTimeoutMs: 120_000,
      connectionsMax: 10,
      allowFields: [],
    },
    type,
  );
}

const targetOf = (model: string, dialect: Dialect) =>
  ({
    provider: dialect === messages ? ofAnthropic : ofOpenAi,
    model,
    dialects: new Set<DialectName>([dialect.name]),
    price,
    priceOf: () => null,
    nameHeaders: [],
    eventPart: `"model":"${model}"`,
  }) as unknown as Target;

const ALIVE = { again: () => undefined, maySend: () => true } as unknown as KeyLook;
const log = new RequestLog({ warn: () => undefined, error: () => undefined } as unknown as Logger);
const sealedIds = sealedIdsFrom({ pepper: 'the pepper of the test' });

type Event = Record<string, unknown>;
interface Ended {
  readonly status: number;
  readonly events: readonly Event[];
  readonly settled: readonly SettleItem[];
  readonly losses: readonly bigint[];
}

/** Asks targets in turn, by the steps from the choice of how they are spoken to until the call is settled. */
async function ask(dialect: Dialect, body: object, targets: Target[], holdNanoUsd: bigint | null): Promise<Ended> {
  const events: Event[] = [];
  const settled: SettleItem[] = [];
  const losses: bigint[] = [];
  const append = (...record: unknown[]) => Promise.resolve(events.push(JSON.parse(String(record[3])) as Event));
  const end = settle(
    { takeNumber: () => 1, append } as unknown as Journal,
    { settle: (item: SettleItem) => void settled.push(item) } as unknown as Admission,
    (_exchange, _target, loss) => void losses.push(loss),
  );
  run = async (exchange) => {
    exchange.ask = dialect.read(Buffer.from(JSON.stringify(body))) as Ask;
    exchange.key = { snapshot: { organizationId: 'o', apiKeyId: 'k' }, markUpMillionths: 0 } as unknown as CachedKey;
    exchange.route = routeOf('m', targets);
    exchange.targets = targets;
    exchange.holdNanoUsd = holdNanoUsd;
    exchange.admitted = true;
    exchange.eventHead = '{';
    exchange.journaled = { organizationId: 'o' } as Journaled['journaled'];
    const journaled = exchange as Journaled;
    expect(ownIds(sealedIds)(journaled) ?? speak(dialect, sealedIds)(journaled)).toBeUndefined();
    const call = await forward(journaled, log, ALIVE);
    await end(journaled, call);
    call.finish();
  };
  const asked = request({ port: (gateway.address() as AddressInfo).port, host: '127.0.0.1', method: 'POST' });
  asked.end();
  const [reply] = (await once(asked, 'response')) as [IncomingMessage];
  for await (const piece of reply) void piece;
  return { status: reply.statusCode!, events, settled, losses };
}

/** Long enough for the tokens that are reported to be plausible. */
const prompt = 'x'.repeat(2_000);
const asks = new Map<Dialect, object>([
  [chat, { model: 'm', max_tokens: 60, messages: [{ role: 'user', content: prompt }] }],
  [completions, { model: 'm', max_tokens: 60, prompt }],
  [responses, { model: 'm', max_output_tokens: 60, input: prompt }],
  [compact, { model: 'm', input: prompt }],
  [messages, { model: 'm', max_tokens: 60, messages: [{ role: 'user', content: prompt }] }],
  [embeddings, { model: 'm', input: prompt }],
]);

const openAis = { prompt_tokens: 1_000, completion_tokens: 50, total_tokens: 1_050 };
const anthropics = { input_tokens: 1_000, output_tokens: 50 };
const ofResponses = { ...anthropics, total_tokens: 1_050 };
const data = (value: unknown): string => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const named = (value: { readonly type: string; readonly [field: string]: unknown }): string =>
  `event: ${value.type}\n${data(value)}`;
const failure = { message: 'failed', type: 'server_error' };
const completion = (fields: object) => ({ id: 'c', object: 'chat.completion', created: 1, model: 'm', ...fields });
const chunk = (fields: object) => data({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', ...fields });
const response = (status: string, usage: object | null, fields: object = {}) => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status,
  model: 'm',
  output: [],
  usage,
  ...fields,
});
const created = named({ type: 'response.created', response: response('in_progress', null) });
const start = named({
  type: 'message_start',
  message: {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    usage: anthropics,
  },
});
const overloaded = named({ type: 'error', error: { type: 'overloaded_error', message: 'x' } });

/** A chat answer of 10 tokens of input and 5 of output. */
const answerUsage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const answer: Sent = {
  json: completion({
    choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
    usage: answerUsage,
  }),
};
const streamedAnswer: Sent = {
  events: [
    chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'hi' }, finish_reason: null }] }),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    chunk({ choices: [], usage: answerUsage }),
    data('[DONE]'),
  ],
};

/** The caller's dialect, the provider's, whether it is streamed, and what is sent instead of an answer. */
const rows: readonly (readonly [what: string, caller: Dialect, provider: Dialect, stream: boolean, sent: Sent])[] = [
  ['a list of no choices', chat, chat, false, { json: completion({ choices: [], usage: openAis }) }],
  ['choices of null', chat, chat, false, { json: completion({ choices: null, usage: openAis }) }],
  ['no choices', chat, chat, false, { json: completion({ usage: openAis }) }],
  ['an error beside it', chat, chat, false, { json: { error: failure, usage: openAis } }],
  ['an error with its status', chat, chat, false, { status: 500, json: { error: failure, usage: openAis } }],
  ['a refusal', chat, chat, false, { status: 400, json: { error: failure, usage: openAis } }],
  ['no choices in completions', completions, completions, false, { json: completion({ choices: [], usage: openAis }) }],
  ['a stream of it alone', chat, chat, true, { events: [chunk({ choices: [], usage: openAis }), data('[DONE]')] }],
  ['a stream without end', chat, chat, true, { events: [chunk({ choices: [], usage: openAis })], cut: true }],
  ['an error of a stream', chat, chat, true, { events: [data({ error: failure, usage: openAis })] }],
  [
    'an error after it',
    chat,
    chat,
    true,
    { events: [chunk({ choices: [], usage: openAis }), data({ error: failure })] },
  ],
  ['a plain reply in a stream', chat, chat, true, { json: completion({ choices: [], usage: openAis }) }],
  [
    'a plain answer in the place of a stream',
    chat,
    chat,
    true,
    { json: completion({ choices: [{ index: 0, message: { content: 'hi' } }], usage: openAis }) },
  ],
  [
    'a plain reply that is called a stream',
    chat,
    chat,
    true,
    { events: [JSON.stringify(completion({ choices: [], usage: openAis }))] },
  ],
  ['a failed response', responses, responses, false, { json: response('failed', ofResponses, { error: failure }) }],
  ['a cancelled response', responses, responses, false, { json: response('cancelled', ofResponses) }],
  [
    'an incomplete response without output',
    responses,
    responses,
    false,
    { json: response('incomplete', ofResponses, { output: null }) },
  ],
  ['a failed compaction', compact, compact, false, { json: response('failed', ofResponses, { error: failure }) }],
  ...(['failed', 'cancelled'] as const).map(
    (status) =>
      [
        `a stream of a ${status} response`,
        responses,
        responses,
        true,
        {
          events: [
            created,
            named({ type: `response.${status}`, response: response(status, ofResponses, { error: failure }) }),
          ],
        },
      ] as const,
  ),
  [
    'an error of a stream of responses',
    responses,
    responses,
    true,
    { events: [created, named({ type: 'error', message: 'x', usage: ofResponses })] },
  ],
  ['an error of messages', messages, messages, false, { json: { type: 'error', error: failure, usage: anthropics } }],
  [
    'a message without content',
    messages,
    messages,
    false,
    { json: { type: 'message', role: 'assistant', content: null, usage: anthropics } },
  ],
  ['a message that ends at its start', messages, messages, true, { events: [start, overloaded] }],
  ['a message that breaks off at its start', messages, messages, true, { events: [start], cut: true }],
  ['chat for messages', messages, chat, false, { json: completion({ choices: [], usage: openAis }) }],
  ['chat for responses', responses, chat, false, { json: completion({ choices: [], usage: openAis }) }],
  ['messages for chat', chat, messages, true, { events: [start, overloaded] }],
  ['messages for responses', responses, messages, true, { events: [start, overloaded] }],
  ['responses for chat', chat, responses, false, { json: response('failed', ofResponses, { error: failure }) }],
  [
    'a stream of responses for chat',
    chat,
    responses,
    true,
    {
      events: [created, named({ type: 'response.failed', response: response('failed', ofResponses) })],
    },
  ],
  [
    'a stream of chat for messages',
    messages,
    chat,
    true,
    { events: [chunk({ choices: [], usage: openAis }), data({ error: failure })] },
  ],
];

describe.each([
  ['a key without a limit', null],
  ['a key with a limit', 1_000_000n],
])('what a provider reports without an answer, to %s', (_key, holdNanoUsd) => {
  it.each(rows)('is in the event, and nothing is charged: %s', async (_what, caller, of, stream, sent) => {
    sends.set('bad', sent);
    const body = { ...asks.get(caller), ...(stream && { stream }) };
    const { status, events, settled, losses } = await ask(caller, body, [targetOf('bad', of)], holdNanoUsd);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(events).toMatchObject([
      {
        model: 'bad',
        inputTokens: 1_000,
        outputTokens: 50,
        usageSource: 'provider',
        costNanoUsd: `${REPORTED_COST}`,
        chargeNanoUsd: '0',
        billableNanoUsd: '0',
      },
    ]);
    expect(events[0]!['outcome']).toBe(status === 400 ? 'provider_refused' : 'provider_failed');
    expect(sumOfLines(events[0]!)).toBe(REPORTED_COST);
    expect(settled).toMatchObject([{ chargeNanoUsd: 0n, tokens: 0, answerTokens: null }]);
    expect(losses).toEqual([REPORTED_COST]);
  });

  it.each(rows.filter(([, , , , { status }]) => status !== 400))(
    'is in the event of another provider’s answer, and that alone is charged: %s',
    async (_what, caller, of, stream, sent) => {
      sends.set('bad', sent);
      sends.set('worse', { status: 503, json: { error: failure } });
      sends.set('good', stream ? streamedAnswer : answer);
      const targets = [targetOf('bad', of), targetOf('worse', of), targetOf('bad', of)];
      // A provider of chat neither compacts conversations nor speaks older completions.
      const hasAnswer = caller !== compact && caller !== completions;
      if (hasAnswer) targets.push(targetOf('good', chat));
      const body = { ...asks.get(caller), ...(stream && { stream }) };
      const { status, events, losses } = await ask(caller, body, targets, holdNanoUsd);
      const inVain = { kind: 'attempt_in_vain', model: 'bad', textInputTokens: 1_000, textOutputTokens: 50 };
      if (hasAnswer) {
        expect(status).toBe(200);
        expect(events).toMatchObject([
          {
            model: 'good',
            outcome: 'completed',
            inputTokens: 10,
            outputTokens: 5,
            usageSource: 'provider',
            costNanoUsd: `${2n * REPORTED_COST + ANSWER_COST}`,
            chargeNanoUsd: `${ANSWER_COST}`,
            billableNanoUsd: `${ANSWER_COST}`,
            passes: [inVain, inVain],
          },
        ]);
      } else {
        expect(events).toMatchObject([
          { model: 'bad', inputTokens: 1_000, chargeNanoUsd: '0', billableNanoUsd: '0', passes: [inVain] },
        ]);
      }
      expect(sumOfLines(events[0]!)).toBe(BigInt(events[0]!['costNanoUsd'] as string));
      expect(losses).toEqual([2n * REPORTED_COST]);
    },
  );

  it('is in the event of embeddings, and none is where nothing was used', async () => {
    sends.set('bad', { json: { object: 'list', data: [], usage: { prompt_tokens: 1_000, total_tokens: 1_000 } } });
    const told = await ask(embeddings, asks.get(embeddings)!, [targetOf('bad', embeddings)], holdNanoUsd);
    expect(told.events).toMatchObject([{ inputTokens: 1_000, costNanoUsd: '1000', chargeNanoUsd: '0' }]);
    for (const usage of [null, { prompt_tokens: 0, completion_tokens: 0 }, 'none']) {
      sends.set('bad', { json: completion({ choices: [], usage }) });
      const { events, losses } = await ask(chat, asks.get(chat)!, [targetOf('bad', chat)], holdNanoUsd);
      expect(events).toMatchObject([{ inputTokens: 0, usageSource: 'none', costNanoUsd: '0', chargeNanoUsd: '0' }]);
      expect(losses).toEqual([]);
    }
  });
});

function sumOfLines(event: Event): bigint {
  return (event['priceLines'] as { nanoUsd: string }[]).reduce((sum, { nanoUsd }) => sum + BigInt(nanoUsd), 0n);
}
