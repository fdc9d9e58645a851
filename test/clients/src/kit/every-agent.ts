import { once } from 'node:events';
import { request } from 'node:http';
import { zstdCompressSync } from 'node:zlib';
import { eventsOf, type CreatedKey, type Shape } from '@tollgate/journey';
import { beforeAll, describe, expect, it } from 'vitest';
import { CLAUDE_CODE_HEADERS, claudeCodeTurn, LONG_NAME } from '../agents/claude-code.js';
import { CODEX_HEADERS, codexMessage, codexTurn } from '../agents/codex.js';

type Event = { readonly type: string } & Readonly<Record<string, unknown>>;
type Item = Readonly<Record<string, unknown>>;

const MODELS = ['gpt-4o-mini', 'claude-sonnet-4-5', 'gemini-3-pro'] as const;

/** Replays what agents for programmers send, at a shape of Tollgate, with models of both kinds of providers. */
export function everyAgent(shape: () => Shape): void {
  describe('agents', () => {
    let key: CreatedKey;
    /** Without a credit limit: Codex sets no limit of uses to the search that it declares, and only OpenAI has one. */
    let unlimited: CreatedKey;
    beforeAll(async () => {
      key = await shape().client().createKey({ name: 'agents', credit_limit_usd: 500 });
      unlimited = await shape().client().createKey({ name: 'Codex at OpenAI' });
    });

    const call = (path: string, body: object | Buffer, headers: Readonly<Record<string, string>>) =>
      fetch(shape().gateways[0]!.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key.secret}`, ...headers },
        body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
      });
    const stream = async (path: string, body: object | Buffer, headers: Readonly<Record<string, string>>) => {
      const response = await call(path, body, headers);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path} was answered ${response.status}: ${text}`);
      return eventsOf(text).map(({ data }) => JSON.parse(data) as Event);
    };

    describe.each(MODELS)('Claude Code with %s', (model) => {
      const messages = (turns: readonly object[], nonce: string) =>
        stream('/v1/messages?beta=true', claudeCodeTurn(model, turns, nonce), CLAUDE_CODE_HEADERS);

      it('calls a tool, sends the thoughts and the result back, and gets its answer', async () => {
        const ask = { role: 'user', content: [{ type: 'text', text: 'Please call Bash.' }] };
        const first = messageOf(await messages([ask], '71fea'));
        const use = first.content.find(({ type }) => type === 'tool_use');
        expect([first.stopReason, use]).toEqual([
          'tool_use',
          expect.objectContaining({ name: 'Bash', input: { command: 'word0', timeout: 1 } }),
        ]);
        const result = { type: 'tool_result', tool_use_id: use?.['id'], content: 'done', is_error: false };
        const turns = [ask, { role: 'assistant', content: first.content }, { role: 'user', content: [result] }];
        const second = messageOf(await messages(turns, '82afb'));
        expect(second.stopReason).toBe('end_turn');
        expect(second.content.at(-1)).toMatchObject({ type: 'text', text: expect.stringMatching(/^word0 /) as string });
        expect(second.inputTokens).toBeGreaterThan(0);
      });

      it('gets long names of tools back whole', async () => {
        const ask = { role: 'user', content: 'Please call 2 tools.' };
        const { content } = messageOf(await messages([ask], '93b0c'));
        expect(content.filter(({ type }) => type === 'tool_use').map((use) => use['name'])).toEqual([
          'Bash',
          LONG_NAME,
        ]);
      });

      it('counts tokens', async () => {
        const {
          max_tokens: _,
          stream: __,
          ...body
        } = claudeCodeTurn(model, [{ role: 'user', content: 'Hello' }], 'a4c1d') as Record<string, unknown>;
        const response = await call('/v1/messages/count_tokens?beta=true', body, CLAUDE_CODE_HEADERS);
        expect([response.status, await response.json()]).toEqual([200, { input_tokens: expect.any(Number) as number }]);
      });
    });

    describe.each(MODELS)('Codex with %s', (model) => {
      const headers = () => ({
        ...CODEX_HEADERS,
        ...(model === 'gpt-4o-mini' && { authorization: `Bearer ${unlimited.secret}` }),
      });
      const responses = (input: readonly object[]) => stream('/v1/responses', codexTurn(model, input), headers());

      it('calls each kind of tool, sends all items back, and gets its answer', async () => {
        const ask = codexMessage('Please call 3 tools.');
        const output = itemsOf(await responses([ask]));
        const calls = output.filter(({ type }) => type === 'function_call' || type === 'custom_tool_call');
        expect(calls).toMatchObject([
          { type: 'function_call', name: 'shell_command', arguments: expect.stringContaining('"command"') as string },
          { type: 'custom_tool_call', name: 'apply_patch', input: expect.not.stringContaining('"input"') as string },
          { type: 'function_call', name: 'list_issues' },
        ]);
        const results = calls.map(({ type, call_id }) => ({ type: `${String(type)}_output`, call_id, output: 'done' }));
        const answer = itemsOf(await responses([ask, ...output, ...results]));
        expect(answer.at(-1)).toMatchObject({
          type: 'message',
          content: [{ type: 'output_text', text: expect.stringMatching(/^word0 /) as string }],
        });
      });

      it('may compress its requests', async () => {
        const body = zstdCompressSync(JSON.stringify(codexTurn(model, [codexMessage('Hello')])));
        const events = await stream('/v1/responses', body, { ...headers(), 'content-encoding': 'zstd' });
        expect(itemsOf(events).at(-1)).toMatchObject({ type: 'message' });
      });
    });

    it('are told by a model of the other maker that a conversation is too long, where each looks for it', async () => {
      const turn = claudeCodeTurn('full-gpt-4o-mini', [{ role: 'user', content: 'Hello' }], 'b5d2e');
      const refused = await call('/v1/messages?beta=true', turn, CLAUDE_CODE_HEADERS);
      const message = 'prompt is too long: 130000 tokens > 128000 maximum';
      expect([refused.status, await refused.json()]).toEqual([
        400,
        expect.objectContaining({ type: 'error', error: { type: 'invalid_request_error', message } }),
      ]);
      const events = await stream(
        '/v1/responses',
        codexTurn('full-claude-sonnet-4-5', [codexMessage('Hello')]),
        CODEX_HEADERS,
      );
      expect(events.at(-1)).toMatchObject({
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'context_length_exceeded' } },
      });
    });

    it('are told what to set where a search has no limit of uses, and the key has one of credit', async () => {
      const response = await call('/v1/responses', codexTurn('gpt-4o-mini', [codexMessage('Hello')]), CODEX_HEADERS);
      expect([response.status, await response.json()]).toEqual([
        400,
        { error: expect.objectContaining({ param: 'max_tool_calls', code: 'unbounded_cost' }) as unknown },
      ]);
    });

    it('ask for models, in the way of each', async () => {
      const models = async (query: string, headers: Readonly<Record<string, string>>) => {
        const response = await fetch(`${shape().gateways[0]!.url}/v1/models${query}`, {
          headers: { authorization: `Bearer ${key.secret}`, ...headers },
          redirect: 'error',
        });
        return ((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
      };
      expect(await models('?limit=1000', CLAUDE_CODE_HEADERS)).toEqual(expect.arrayContaining([...MODELS]));
      expect(await models('?client_version=0.160.0', CODEX_HEADERS)).toEqual(expect.arrayContaining([...MODELS]));
    });

    it('are refused a WebSocket at once, and go on without', async () => {
      const upgrade = request(`${shape().gateways[0]!.url}/v1/responses`, {
        headers: {
          ...CODEX_HEADERS,
          authorization: `Bearer ${key.secret}`,
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'sec-websocket-version': '13',
        },
      });
      upgrade.end();
      const [response] = (await once(upgrade, 'response')) as [{ statusCode: number; resume(): void }];
      response.resume();
      expect(response.statusCode).toBeGreaterThanOrEqual(400);
      expect(response.statusCode).toBeLessThan(500);
    });
  });
}

interface Message {
  readonly content: readonly Item[];
  readonly stopReason: string | undefined;
  readonly inputTokens: number;
}

/** Adds up a stream of Messages, as Claude Code does: inputs of tools from their deltas. Holds it to the grammar. */
function messageOf(events: readonly Event[]): Message {
  const content: Record<string, unknown>[] = [];
  const inputs: string[] = [];
  let stopReason: string | undefined;
  let open: number | null = null;
  const [start] = events as [Event & { message: { usage: { input_tokens: number } } }];
  expect([start.type, events.at(-1)?.type]).toEqual(['message_start', 'message_stop']);
  for (const event of events as readonly (Event & { index: number; delta: Record<string, string> })[]) {
    if (event.type === 'content_block_start') {
      expect([open, event.index]).toEqual([null, content.length]);
      open = event.index;
      content.push({ ...(event['content_block'] as object) });
      inputs.push('');
    } else if (event.type === 'content_block_delta') {
      expect(event.index).toBe(open);
      const block = content[event.index]!;
      for (const [name, text] of Object.entries(event.delta)) {
        if (name === 'partial_json') inputs[event.index] += text;
        else if (name !== 'type') block[name] = `${String(block[name] ?? '')}${text}`;
      }
    } else if (event.type === 'content_block_stop') {
      expect(event.index).toBe(open);
      open = null;
      const block = content[event.index]!;
      if (block['type'] === 'tool_use') block['input'] = JSON.parse(inputs[event.index] || '{}') as unknown;
    } else if (event.type === 'message_delta') stopReason = event.delta['stop_reason'];
  }
  return { content, stopReason, inputTokens: start.message.usage.input_tokens };
}

/** The items of a stream of Responses. Holds it to the grammar: numbers without gaps, one end, which repeats all. */
function itemsOf(events: readonly Event[]): readonly Item[] {
  expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, i) => i));
  const done = events.filter(({ type }) => type === 'response.output_item.done');
  expect(done.map((event) => event['output_index'])).toEqual(done.map((_, i) => i));
  const last = events.at(-1);
  expect(last?.type).toBe('response.completed');
  const items = done.map(({ item }) => item as Item);
  expect((last?.['response'] as { output: unknown }).output).toEqual(items);
  return items;
}
