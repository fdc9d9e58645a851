import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { isRefusal, type Refusal } from '../../request-path/exchange/refusal.js';
import { toolOfItem } from '@tollgate/usage';
import type { Ask, Limits, UpstreamCall } from '../ask.js';
import { openAiResponsesCompact } from '../openai-responses-compact/openai-responses-compact.js';
import { openAiResponses } from './openai-responses.js';
import { REQUEST_FIELDS } from './request-fields.js';

const read = (body: unknown, dialect = openAiResponses) =>
  dialect.read(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))) as Ask | Refusal;
function ask(fields: object): Ask {
  const asked = read({ model: 'm', ...fields });
  if (isRefusal(asked)) throw new Error(`refused: ${asked.message} (${asked.param})`);
  return asked;
}
const item = (fields: object) => ({ input: [fields] });

const SDK = readFileSync(
  createRequire(import.meta.url)
    .resolve('openai')
    .replace(/index\.m?js$/, 'resources/responses/responses.d.ts'),
  'utf8',
);
/** The values of `type` of a union in OpenAI's SDK. */
function typesOf(union: string): readonly string[] {
  const members = new RegExp(`^export type ${union} = (.*);$`, 'm').exec(SDK)![1]!.split(' | ');
  return members.flatMap((member) => {
    const [name, scope] = member.split('.').toReversed() as [string, string | undefined];
    const from = scope === undefined ? 0 : SDK.indexOf(`export declare namespace ${scope} {`);
    const indent = scope === undefined ? 'export ' : '    ';
    const start = SDK.indexOf(`\n${indent}interface ${name} `, from);
    const body = SDK.slice(start, SDK.indexOf(`\n${indent.replace('export ', '')}}`, start + 1));
    const declared = /^ +type: (.*);$/m.exec(body)?.[1] ?? '';
    return [...declared.matchAll(/'(\w+)'/g)].map(([, type]) => type!);
  });
}
const part = (fields: object) => item({ role: 'user', content: [{ type: 'input_text', text: 'a' }, fields] });

describe('the table of fields of Responses', () => {
  const names = REQUEST_FIELDS.map(({ name }) => name);
  it('has each field once, in lower case, with a reason', () => {
    expect(new Set(names).size).toBe(names.length);
    for (const { name, why } of REQUEST_FIELDS) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(why).toMatch(/^[A-Z].*\.$/);
    }
  });
  it.each([
    ['ResponseCreateParamsBase', 25],
    ['ResponseCompactParams', 7],
  ])('has every field that OpenAI documents in %s', (type, atLeast) => {
    const types = createRequire(import.meta.url)
      .resolve('openai')
      .replace(/index\.m?js$/, 'resources/responses/responses.d.ts');
    const declared = new RegExp(`export interface ${type} \\{(.*?)\\n\\}`, 's').exec(readFileSync(types, 'utf8'))![1]!;
    const documented = [...declared.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!);
    expect(documented.length).toBeGreaterThanOrEqual(atLeast);
    expect(names).toEqual(expect.arrayContaining(documented));
  });
});

describe('a Responses request', () => {
  it('is read: model, stream, ceiling', () => {
    expect(ask({ input: 'hi', stream: true, max_output_tokens: 50 })).toMatchObject({
      model: 'm',
      stream: true,
      choices: 1,
      namedOutputTokens: 50,
    });
    expect(ask({ input: 'hi' })).toMatchObject({ stream: false, namedOutputTokens: 0 });
  });
  it.each<[unknown, string, string | null]>([
    ['{"model":"m","input":"a"', 'invalid_json', null],
    ['[1]', 'invalid_request', null],
    [{ input: 'a' }, 'invalid_request', 'model'],
    [{ model: 'm', stream: 'yes' }, 'invalid_request', 'stream'],
    [{ model: 'm', max_output_tokens: 0 }, 'invalid_request', 'max_output_tokens'],
    [{ model: 'm', max_output_tokens: -1 }, 'invalid_request', 'max_output_tokens'],
    [{ model: 'm', max_output_tokens: '5' }, 'invalid_request', 'max_output_tokens'],
    [{ model: 'm', max_output_tokens: 1e9 }, 'invalid_request', 'max_output_tokens'],
    [{ model: 'm', max_tool_calls: 0 }, 'invalid_request', 'max_tool_calls'],
    [{ model: 'm', max_tool_calls: 1.5 }, 'invalid_request', 'max_tool_calls'],
    [{ model: 'm', background: true }, 'invalid_request', 'background'],
    [{ model: 'm', background: 'true' }, 'invalid_request', 'background'],
    [{ model: 'm', background: 1 }, 'invalid_request', 'background'],
    [{ model: 'm', instructions: [{ role: 'user' }] }, 'invalid_request', 'instructions'],
    ['{"model":"m","background":false,"background":true}', 'invalid_request', 'background'],
    ['{"model":"m","Background":true}', 'invalid_request', 'background'],
    ['{"model":"m","back\\u0067round":true}', 'invalid_request', 'background'],
    [
      '{"model":"m","previous_response_id":null,"previous_response_id":"resp_1"}',
      'invalid_request',
      'previous_response_id',
    ],
    ['{"model":"m","previousResponseId":"resp_1"}', 'invalid_request', 'previous_response_id'],
    ['{"model":"m","max_output_tokens":5,"max_output_tokens":500}', 'invalid_request', 'max_output_tokens'],
  ])('is refused for every key where it is malformed: %j', (body, code, param) => {
    expect(read(body)).toMatchObject({ kind: 'refusal', code, param });
  });
  it('may name null for whatever it leaves out', () => {
    const fields = {
      background: null,
      conversation: null,
      prompt: null,
      previous_response_id: null,
      max_output_tokens: null,
      max_tool_calls: null,
      instructions: null,
      tools: null,
      stream: null,
      context_management: null,
      prompt_cache_options: { mode: 'implicit', comparison_response_id: null },
    };
    expect(ask({ input: null, ...fields }).limits()).toMatchObject({ ceiling: null, choices: 1, media: [] });
    expect(ask({ background: false })).toMatchObject({ model: 'm' });
  });
  it('tells fields that lead elsewhere, cost more, or are not known', () => {
    const fields = { api_base: 'x', moderation: { model: 'm' }, from_the_future: 1, user: 'u' };
    expect(ask({ input: 'a', ...fields }).others.map(({ name, use }) => [name, use])).toEqual([
      ['api_base', 'elsewhere'],
      ['moderation', 'elsewhere'],
      ['from_the_future', 'unknown'],
    ]);
    expect(ask({ reasoning: { effort: 'high', summary: 'auto' } }).others).toEqual([]);
    expect(ask({ reasoning: { mode: 'pro' } }).others.map(({ name }) => name)).toEqual(['reasoning']);
  });
  it('is read in steps where it is large, and comes to the same', async () => {
    const input = Array.from({ length: 2_000 }, (_, i) => ({ role: 'user', content: `text ${i} \u4e2d`.repeat(30) }));
    const large = (await openAiResponses.read(Buffer.from(JSON.stringify({ model: 'm', input })))) as Ask;
    expect(large.limits()).toMatchObject({ ceiling: null, media: [] });
    const broken = await openAiResponses.read(Buffer.from(`{"model":"m","input":${JSON.stringify(input)}`));
    expect(broken).toMatchObject({ code: 'invalid_json' });
    const hidden = JSON.stringify({ model: 'm', input: [...input, { type: 'item_reference', id: 'msg_1' }] });
    expect(await openAiResponses.read(Buffer.from(hidden))).toMatchObject({
      message: expect.stringContaining('Set store to false'),
      param: 'input[2000].id',
    });
  });
});

describe('ids of the provider’s account in Responses', () => {
  const tool = (fields: object) => ({ tools: [{ type: 'function', name: 'f', parameters: {} }, fields] });
  it.each<[object, string]>([
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ conversation: { id: 'conv_1' } }, 'conversation'],
    [{ conversation: ['conv_1'] }, 'conversation'],
    [{ prompt: { id: 'pmpt_1' } }, 'prompt.id'],
    [{ prompt: { id: 'pmpt_1', variables: { a: 'x'.repeat(5_000) } } }, 'prompt.id'],
    [{ prompt_cache_options: { comparison_response_id: 'resp_1' } }, 'prompt_cache_options.comparison_response_id'],
    [{ prompt_cache_options: { Comparison_Response_Id: 'resp_1' } }, 'prompt_cache_options.comparison_response_id'],
    [item({ type: 'item_reference', id: 'rs_1' }), 'input[0].id'],
    [item({ id: 'msg_1', type: 'item_reference' }), 'input[0].id'],
    [item({ id: 'msg_1' }), 'input[0].id'],
    [item({ id: 'msg_1', type: null }), 'input[0].id'],
    [
      {
        input: [
          { role: 'user', content: 'a' },
          { type: 'item_reference', id: 'm' },
        ],
      },
      'input[1].id',
    ],
    [item({ type: 'image_generation_call', id: 'ig_1' }), 'input[0].id'],
    [item({ type: 'image_generation_call', id: 'ig_1', result: null }), 'input[0].id'],
    [part({ type: 'input_image', file_id: 'file-1' }), 'input[0].content[1].file_id'],
    [part({ type: 'input_file', file_id: 'file-1' }), 'input[0].content[1].file_id'],
    [part({ type: 'input_file', file_id: ['file-1'] }), 'input[0].content[1].file_id'],
    [part({ type: 'input_file', filename: 'a', file_id: 'f' }), 'input[0].content[1].file_id'],
    [
      item({ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_file', file_id: 'f' }] }),
      'input[0].output[0].file_id',
    ],
    [
      item({ type: 'computer_call_output', call_id: 'c', output: { type: 'computer_screenshot', file_id: 'f' } }),
      'input[0].output.file_id',
    ],
    [
      item({ type: 'shell_call', call_id: 'c', environment: { type: 'container_reference', container_id: 'cntr_1' } }),
      'input[0].environment.container_id',
    ],
    [
      item({
        type: 'additional_tools',
        role: 'developer',
        tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }],
      }),
      'input[0].tools[0].vector_store_ids',
    ],
    [
      item({ type: 'additional_tools', role: 'developer', tools: [{ type: 'code_interpreter', container: 'cntr_1' }] }),
      'input[0].tools[0].container',
    ],
    [tool({ type: 'file_search', vector_store_ids: ['vs_1'] }), 'tools[1].vector_store_ids'],
    [tool({ type: 'code_interpreter', container: 'cntr_1' }), 'tools[1].container'],
    [tool({ type: 'code_interpreter', container: { type: 'auto', file_ids: ['file-1'] } }), 'tools[1].file_ids'],
    [tool({ type: 'image_generation', input_image_mask: { file_id: 'f' } }), 'tools[1].file_id'],
    [
      tool({ type: 'shell', environment: { type: 'container_reference', container_id: 'cntr_1' } }),
      'tools[1].environment.container_id',
    ],
    [
      tool({
        type: 'shell',
        environment: { type: 'container_auto', skills: [{ type: 'skill_reference', skill_id: 's' }] },
      }),
      'tools[1].environment.skill_id',
    ],
    [tool({ type: 'file_search', Vector_Store_Ids: ['vs_1'] }), 'tools[1].vector_store_ids'],
    [tool({ type: 'file_search', vectorStoreIds: ['vs_1'] }), 'tools[1].vector_store_ids'],
  ])('are refused for every key, by the field: %j', (fields, param) => {
    for (const dialect of [openAiResponses, openAiResponsesCompact]) {
      const refused = read({ model: 'm', ...fields }, dialect);
      expect(refused).toMatchObject({ kind: 'refusal', code: 'invalid_request' });
      expect((refused as Refusal).param?.replace('container.', '').replace('input_image_mask.', '')).toBe(param);
    }
  });
  it.each<[string, string]>([
    ['{"type":"file_search","vector_store_\\u0069ds":["vs_1"]}', 'vector_store_ids'],
    ['{"type":"file_search","VectorStoreIds":["vs_1"]}', 'vector_store_ids'],
    ['{"t\\u0079pe":"file_search","vector_store_ids":["vs_1"]}', 'type'],
    ['{"t\\u0079pe":"web_search"}', 'type'],
    ['{"type":"function","name":"f","t\\u0079pe":"web_search"}', 'type'],
    ['{"type":"image_generation","m\\u006fdel":"gpt-image-99"}', 'model'],
    ['{"type":"namespace","t\\u006fols":[{"type":"web_search"}]}', 'tools'],
    ['{"type":"namespace","tools":[{"t\\u0079pe":"web_search"}]}', 'tools[].type'],
    ['{"type":"shell","environment":{"a":[[[[[[{"skill_\\u0069d":"s"}]]]]]]}}', 'environment.skill_id'],
    [
      '{"type":"namespace","tools":[{"type":"namespace","tools":[{"type":"x","container_id":"c"}]}]}',
      'tools.container_id',
    ],
  ])('and names in tools that some reader may take for another are refused: %s', (declared, param) => {
    expect(read(`{"model":"m","tools":[${declared}]}`)).toMatchObject({ param: `tools[0].${param}` });
    for (const type of ['additional_tools', 'tool_search_output', 'message'])
      expect(read(`{"model":"m","input":[{"tools":[${declared}],"type":"${type}"}]}`)).toMatchObject({
        code: 'invalid_request',
        param: `input[0].tools[0].${param}`,
      });
  });
  it.each<[string, string]>([
    ['{"type":"shell_call","environment":{"container_\\u0069d":"c"}}', 'input[0].environment.container_id'],
    [
      '{"type":"shell_call","environment":{"a":[[[[{"skills":[{"skill_id":"s"}]}]]]]}}',
      'input[0].environment.skill_id',
    ],
    ['{"type":"shell_call","sk\\u0069ll_id":"s"}', 'input[0].skill_id'],
    ['{"role":"user","content":[{"type":"input_file","file":{"file_\\u0069d":"f"}}]}', 'input[0].content[0].file_id'],
    ['{"role":"user","content":[{"type":"input_image","image_url":{"file_id":"f"}}]}', 'input[0].content[0].file_id'],
  ])('are refused in items at any depth and in any spelling: %s', (declared, param) => {
    expect(read(`{"model":"m","input":[${declared}]}`)).toMatchObject({ code: 'invalid_request', param });
  });
  it.each<[string, object]>([
    [
      'an item that stands for itself',
      item({ type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'a' }] }),
    ],
    ['a message without a type', item({ id: 'msg_1', role: 'assistant', content: 'a' })],
    ['a call', item({ type: 'function_call', id: 'fc_1', call_id: 'c', name: 'f', arguments: '{"file_id":"x"}' })],
    ['a thought', item({ type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA' })],
    ['a picture that was drawn', item({ type: 'image_generation_call', id: 'ig_1', result: 'aGk=' })],
    [
      'notes of what was read',
      item({
        role: 'assistant',
        content: [{ type: 'output_text', text: 'a', annotations: [{ type: 'file_citation', file_id: 'f' }] }],
      }),
    ],
    [
      'what a search has found',
      item({ type: 'file_search_call', id: 'fs_1', queries: [], results: [{ file_id: 'f' }] }),
    ],
    [
      'the record of a program',
      item({ type: 'code_interpreter_call', id: 'ci_1', code: '1', container_id: 'cntr_1', outputs: null }),
    ],
    ['a null', part({ type: 'input_image', image_url: 'https://x.example/a.png', file_id: null })],
    ['no files', tool({ type: 'code_interpreter', container: { type: 'auto', file_ids: [] } })],
    ['a new container', tool({ type: 'code_interpreter', container: { type: 'auto' } })],
    [
      'a schema',
      tool({ type: 'function', name: 'g', parameters: { properties: { file_id: {}, container: { type: 'string' } } } }),
    ],
    [
      'a schema of a tool in a namespace',
      tool({
        type: 'namespace',
        name: 'n',
        tools: [{ type: 'function', name: 'g', parameters: { properties: { file_id: {}, model: {}, type: {} } } }],
      }),
    ],
    ['metadata', { metadata: { file_id: 'f', conversation: 'c' } }],
    ['a word of the text', item({ role: 'user', content: '"type":"item_reference","id":"x"' })],
  ])('are not seen in %s', (_what, fields) => {
    expect(read({ model: 'm', input: 'a', ...fields })).toMatchObject({ model: 'm' });
  });
  it('are found in whatever order the fields come, and whatever stands before', () => {
    const others = { status: 'completed', name: 'n', call_id: 'c', summary: [], content: null };
    fc.assert(
      fc.property(
        fc.shuffledSubarray(Object.entries({ ...others, type: 'item_reference', id: 'x' })),
        fc.nat(5),
        (entries, before) => {
          const fields = Object.fromEntries(entries);
          const refers = 'id' in fields && (fields['type'] ?? 'item_reference') === 'item_reference';
          const items = Array.from({ length: before }, () => ({ role: 'user', content: 'a' }));
          const asked = read({ model: 'm', input: [...items, fields] });
          expect(isRefusal(asked)).toBe(refers);
          if (refers) expect(asked).toMatchObject({ param: `input[${before}].id` });
        },
      ),
    );
  });
});

describe('the bound of a Responses request', () => {
  const bytes = (fields: object) => JSON.stringify({ model: 'm', ...fields }).length;
  it.each<[string, object]>([
    ['a text', { input: 'hello' }],
    ['no input', {}],
    ['messages', item({ role: 'user', content: 'a' })],
    ['parts', part({ type: 'input_text', text: 'b' })],
    [
      'an answer that is sent back',
      item({
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        phase: 'final_answer',
        content: [
          { type: 'output_text', text: 'a', annotations: [], logprobs: [] },
          { type: 'refusal', refusal: 'no' },
        ],
      }),
    ],
    [
      'calls and results',
      {
        input: [
          { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
          { type: 'function_call_output', call_id: 'c', output: 'x' },
          { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_text', text: 'x' }] },
        ],
      },
    ],
    [
      'custom calls',
      {
        input: [
          { type: 'custom_tool_call', call_id: 'c', name: 'f', input: 'x' },
          { type: 'custom_tool_call_output', call_id: 'c', output: 'x' },
        ],
      },
    ],
    [
      'thoughts',
      item({
        type: 'reasoning',
        id: 'rs_1',
        summary: [{ type: 'summary_text', text: 'a' }],
        content: [{ type: 'reasoning_text', text: 'a' }],
        encrypted_content: 'gAAAA',
      }),
    ],
    [
      'shells',
      {
        input: [
          { type: 'local_shell_call', call_id: 'c', action: { type: 'exec', command: ['ls'] }, status: 'completed' },
          {
            type: 'shell_call_output',
            call_id: 'c',
            output: [{ stdout: 'a', stderr: '', outcome: { type: 'exit', exit_code: 0 } }],
          },
        ],
      },
    ],
    [
      'tools of the caller',
      {
        tools: [
          { type: 'function', name: 'f', parameters: { type: 'object' }, strict: true },
          { type: 'custom', name: 'apply_patch', format: { type: 'grammar' } },
          { type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'g' }] },
          { type: 'local_shell' },
        ],
      },
    ],
  ])('is its bytes for %s', (_what, fields) => {
    expect(ask(fields).limits()).toEqual({ contentTokensMax: bytes(fields), media: [], ceiling: null, choices: 1 });
    expect(ask(fields).others).toEqual([]);
  });
  it.each<[string, object, string]>([
    ['a number', { input: 7 }, 'input'],
    ['an object', { input: { role: 'user' } }, 'input'],
    ['a text in the list', { input: ['hi'] }, 'input'],
    ['an item of the future', item({ type: 'hologram', data: 'x' }), 'input[0]'],
    ['a field of the future', item({ role: 'user', content: 'a', attachments: ['x'] }), 'input[0]'],
    ['a part of the future', part({ type: 'input_video', video_url: 'x' }), 'input[0].content[1]'],
    ['a part that is text', item({ role: 'user', content: ['a'] }), 'input[0]'],
    ['an image without an address', part({ type: 'input_image' }), 'input[0].content[1]'],
    [
      'an image in a part of text',
      part({ type: 'input_text', text: 'a', image_url: 'https://x.example/' }),
      'input[0].content[1]',
    ],
    [
      'pictures of a program',
      item({ type: 'code_interpreter_call', code: '', outputs: [{ type: 'image', url: 'x' }] }),
      'input[0]',
    ],
    [
      'tools of the provider among the items',
      item({ type: 'additional_tools', role: 'developer', tools: [{ type: 'web_search' }] }),
      'input[0]',
    ],
  ])('B7: is none for %s', (_what, fields, param) => {
    const refused = ask(fields).limits();
    expect(refused).toMatchObject({ kind: 'refusal', code: 'unbounded_cost' });
    expect((refused as Refusal).param).toMatch(new RegExp(`^${param.replace(/[[\]]/g, '\\$&')}`));
    expect(ask(fields).mayReadMore('m')).toBe(true);
  });
  it.each<[string, object]>([
    ['a search', { type: 'web_search' }],
    ['a search in a namespace', { type: 'namespace', name: 'n', tools: [{ type: 'web_search' }] }],
    ['a search two levels down', { type: 'namespace', tools: [{ type: 'namespace', tools: [{ type: 'mcp' }] }] }],
    ['a name in place of a tool', { type: 'namespace', tools: ['web_search'] }],
    ['a nested tool without a type', { type: 'namespace', tools: [{ name: 'f' }] }],
    ['a function that nobody knows', { type: 'function', name: 'f', run_at_provider: true }],
  ])('is none for %s that an item brings', (_what, declared) => {
    for (const type of ['additional_tools', 'tool_search_output'])
      expect(ask(item({ type, tools: [declared] })).limits()).toMatchObject({
        code: 'unbounded_cost',
        param: 'input[0]',
      });
  });
  it.each<[string, object]>([
    [
      'functions that an item brings',
      item({
        type: 'tool_search_output',
        tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'f', parameters: {} }] }],
      }),
    ],
    [
      'what a server listed',
      item({ type: 'mcp_list_tools', tools: [{ name: 'f', input_schema: { type: 'object' } }] }),
    ],
    [
      'words between agents',
      item({
        type: 'agent_message',
        author: 'a',
        recipient: 'b',
        content: [
          { type: 'input_text', text: 'c' },
          { type: 'encrypted_content', encrypted_content: 'gAAAA' },
        ],
        internal_chat_message_metadata_passthrough: { turn_id: 't' },
      }),
    ],
    ['a summary of the context', item({ type: 'context_compaction', encrypted_content: 'gAAAA' })],
  ])('is its bytes too for %s', (_what, fields) => {
    expect(ask(fields).limits()).toMatchObject({ contentTokensMax: bytes(fields), media: [] });
  });
  it.each<[object, string]>([
    [{ type: 'image_generation', model: 'gpt-image-99' }, 'model'],
    [{ type: 'web_search', model: { id: 'gpt' } }, 'model'],
    [{ type: 'namespace', name: 'n', tools: [{ type: 'image_generation', model: 'gpt' }] }, 'model'],
    [{ type: 'mcp', options: { model: 'gpt' } }, 'model'],
  ])('leads elsewhere where a tool names another model: %j', (declared, field) => {
    const use = 'elsewhere';
    expect(ask({ tools: [{ type: 'function', name: 'f' }, declared] }).others).toMatchObject([
      { name: 'tools', use, reason: { param: `tools[1].${field}` } },
    ]);
    expect(ask(item({ type: 'additional_tools', tools: [declared] })).others).toMatchObject([
      { name: 'input', use, reason: { param: `input[0].tools[0].${field}` } },
    ]);
  });
  it.each<[string, object, object]>([
    [
      'an image by its address',
      part({ type: 'input_image', image_url: 'https://x.example/a.png', detail: 'low' }),
      { kind: 'image', size: null, detail: 'low' },
    ],
    [
      'an image of a result',
      item({
        type: 'function_call_output',
        call_id: 'c',
        output: [{ type: 'input_image', image_url: 'https://x.example/a.png' }],
      }),
      { kind: 'image', size: null, detail: null },
    ],
    [
      'a screenshot',
      item({
        type: 'computer_call_output',
        call_id: 'c',
        output: { type: 'computer_screenshot', image_url: 'https://x.example/a.png' },
      }),
      { kind: 'image', size: null, detail: null },
    ],
    [
      'a picture that was drawn',
      item({ type: 'image_generation_call', id: 'ig_1', status: 'completed', result: 'aGk=' }),
      { kind: 'image', size: null, detail: null },
    ],
    [
      'a file',
      part({ type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' }),
      { kind: 'anything' },
    ],
    ['a file by its address', part({ type: 'input_file', file_url: 'https://x.example/a.pdf' }), { kind: 'anything' }],
    [
      'a recording',
      part({ type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } }),
      { kind: 'audio', secondsMax: null },
    ],
  ])('tells %s apart from the text', (_what, fields, media) => {
    const limits = ask(fields).limits();
    expect(limits).toMatchObject({ media: [media] });
    expect((limits as { contentTokensMax: number }).contentTokensMax).toBeLessThan(bytes(fields));
  });
  it('is the context of the model after an earlier response', () => {
    expect(ask({ input: 'a', previous_response_id: 'resp_1' }).limits()).toMatchObject({ contextReads: 1 });
    expect(ask({ input: 'a', previous_response_id: 'resp_1' }).mayReadMore('m')).toBe(true);
    expect(ask({ input: 'a' }).contextReads).toBeUndefined();
    expect(ask({ input: 'a', context_management: [{ type: 'compaction' }] }).limits()).toMatchObject({
      contextReads: 2,
    });
  });
  it.each<[string, object]>([
    ['web_search', { type: 'web_search' }],
    ['code_interpreter', { type: 'code_interpreter', container: { type: 'auto' } }],
    ['image_generation', { type: 'image_generation' }],
    ['mcp', { type: 'mcp', server_label: 'a', server_url: 'https://x.example' }],
    ['tool_search', { type: 'tool_search' }],
    ['tool_of_the_future', { type: 'tool_of_the_future' }],
    ['shell', { type: 'shell' }],
    ['shell', { type: 'shell', environment: null }],
    ['shell', { type: 'shell', environment: { type: 'container_auto', memory_limit: '1g' } }],
    ['shell', { type: 'shell', environment: [{ type: 'local' }] }],
    ['shell', { type: 'shell', environment: 'local' }],
    ['shell', { type: 'shell', environment: { type: 'local' }, run_at_provider: true }],
    ['shell', { type: 'shell', execution: 'client' }],
    ['tool_search', { type: 'tool_search', execution: 'server' }],
    ['function', { type: 'function', name: 'f', run_at_provider: true }],
    ['function', { type: 'function', name: 'f', container: { type: 'auto' } }],
    ['namespace', { type: 'namespace', name: 'n', tools: [{ type: 'web_search' }] }],
  ])('needs a limit of uses for tools of the provider: %s', (type, declared) => {
    const tools = [declared];
    const refused = ask({ tools }).limits();
    expect(refused).toMatchObject({ kind: 'refusal', code: 'unbounded_cost', param: 'max_tool_calls' });
    expect((refused as Refusal).message).toContain(type);
    expect(ask({ tools, max_tool_calls: 3 }).limits()).toMatchObject({
      contextReads: 4,
      providerTools: [{ names: [type], callsMax: 3 }],
    });
    expect(ask({ tools }).contextReads).toBeGreaterThan(1);
    // A translation leaves them out, so that clients which always declare them go on.
    expect(ask({ tools }).limits(true)).not.toHaveProperty('providerTools');
    expect(ask({ tools }).limits(true)).not.toHaveProperty('contextReads');
  });
  it.each<[string, object]>([
    ['a shell', { type: 'shell', environment: { type: 'local', skills: [{ name: 's' }] } }],
    ['a search for tools', { type: 'tool_search', execution: 'client' }],
  ])('needs none for %s of the caller', (_what, tool) => {
    expect(ask({ tools: [tool] }).limits()).not.toHaveProperty('providerTools');
  });
  it.each<[string, object]>([
    ['tools[0].container.memory_limit', { type: 'code_interpreter', container: { type: 'auto', memory_limit: '64g' } }],
    [
      'tools[0].container.memory_limit',
      { type: 'code_interpreter', container: { type: 'auto', memory_limit: ['1g'] } },
    ],
    [
      'tools[0].environment.memory_limit',
      { type: 'shell', environment: { type: 'container_auto', memory_limit: '4g' } },
    ],
  ])('is none for a container that costs more than the price says, and says what to set: %s', (param, tool) => {
    const [other] = ask({ tools: [tool], max_tool_calls: 1 }).others;
    expect(other).toMatchObject({ name: 'tools', use: 'unbounded', reason: { param } });
    expect(other!.reason!.message).toContain('Set it to 1g');
  });
  it('believes no place that is spelt with escapes', () => {
    const spelt = read('{"model":"m","tools":[{"type":"shell","environment":{"type":"l\\u006fcal"}}]}') as Ask;
    expect(spelt.limits()).toMatchObject({ param: 'max_tool_calls' });
  });
  it('takes no second type or size of a place', () => {
    const twice = '{"model":"m","tools":[{"type":"shell","environment":{"type":"local","type":"container_auto"}}]}';
    expect(read(twice)).toMatchObject({ param: 'tools[0].environment.type' });
    expect(read(twice.replace('"type":"container', '"Type":"container'))).toMatchObject({
      param: 'tools[0].environment.type',
    });
  });
  it('holds each tool of the SDK under the name under which its calls are charged', () => {
    const held = typesOf('Tool').flatMap((type) => {
      const limits = ask({ tools: [{ type }], max_tool_calls: 1 }).limits() as Limits;
      return limits.providerTools?.flatMap(({ names }) => names) ?? [];
    });
    const charged = typesOf('ResponseOutputItem').flatMap(
      (type) => toolOfItem({ type, environment: { type: 'container_reference' }, execution: 'server' }) ?? [],
    );
    expect(new Set(held)).toEqual(new Set(charged));
    expect(new Set(held).size).toBeGreaterThanOrEqual(7);
  });
  it.each<[string, object]>([
    ['tools that are no list', { tools: { type: 'function' } }],
    ['a tool that is text', { tools: ['web_search'] }],
    ['a tool without a type', { tools: [{ name: 'f' }] }],
    ['a tool whose type is no text', { tools: [{ type: ['function'] }] }],
  ])('is none for %s', (_what, fields) => {
    expect(ask({ max_tool_calls: 1, ...fields }).others.map(({ name, use }) => [name, use])).toEqual([
      ['tools', 'unbounded'],
    ]);
  });
  it('asks for the price of the tier that it names', () => {
    expect(ask({ service_tier: 'priority' }).modes).toMatchObject({ serviceTier: 'priority' });
    expect(ask({ service_tier: 7 }).modes).toMatchObject({ serviceTier: '7' });
    expect(ask({}).modes).toBeUndefined();
  });
  it('of a compaction is the longest answer of the model', () => {
    const asked = read({ model: 'm', input: 'a', max_output_tokens: 5 }, openAiResponsesCompact) as Ask;
    expect(asked.limits()).toMatchObject({ ceiling: null, choices: 1 });
    expect(asked.namedOutputTokens).toBe(0);
    expect(read({ model: 'm', stream: true }, openAiResponsesCompact)).toMatchObject({ param: 'stream' });
  });
});

describe('a Responses request for a provider', () => {
  const call = (fields: Partial<UpstreamCall> = {}) =>
    ({ holdNanoUsd: null, injectedMaxTokens: null, ceilingLeftOut: false, ...fields }) as UpstreamCall;
  const to = (body: string, model: string, fields?: Partial<UpstreamCall>) => {
    const made = call(fields);
    return {
      body: (read(body) as Ask).bodyFor({ model, price: { maxOutputTokens: 16_384 } } as Target, made).toString(),
      injected: made.injected,
    };
  };
  it('is the caller’s own bytes, but for the model', () => {
    const body = '{ "input":[ {"role":"user","content":"\\u0041"} ],\t"model" : "m", "temperature":1e0 }';
    expect(to(body, 'm').body).toBe(body);
    expect(to(body, 'gpt').body).toBe(body.replace('"m"', '"gpt"'));
  });
  it('gets the ceiling of the hold, if it names none', () => {
    const held = { holdNanoUsd: 5n, injectedMaxTokens: 900 };
    expect(to('{"model":"m","input":"a"}', 'm', held)).toEqual({
      body: '{"max_output_tokens":900,"model":"m","input":"a"}',
      injected: { ceiling: 'max_output_tokens', ceilingTokens: 900, streamOptions: false },
    });
    expect(to('{"model":"m","max_output_tokens":null}', 'm', held).body).toBe('{"model":"m","max_output_tokens":900}');
    expect(to('{"model":"m","max_output_tokens":7}', 'm', { holdNanoUsd: 5n }).body).toBe(
      '{"model":"m","max_output_tokens":7}',
    );
    expect(to('{"model":"m"}', 'm', { ...held, ceilingLeftOut: true }).body).toBe('{"model":"m"}');
  });
  it('gets no ceiling for a compaction, which takes none', () => {
    const made = call({ holdNanoUsd: 5n, injectedMaxTokens: 900 });
    const asked = read('{"model":"m","input":"a"}', openAiResponsesCompact) as Ask;
    expect(asked.bodyFor({ model: 'm', price: { maxOutputTokens: 16_384 } } as Target, made).toString()).toBe(
      '{"model":"m","input":"a"}',
    );
    expect(asked.operation).toBe('/responses/compact');
  });
});
