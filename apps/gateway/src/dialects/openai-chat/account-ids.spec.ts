import { describe, expect, it } from 'vitest';
import { openAiChat } from './openai-chat.js';

const user = (content: unknown) => ({ model: 'm', messages: [{ role: 'user', content }] });
const read = (body: unknown) => openAiChat.read(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

describe('ids of the provider’s account in a chat', () => {
  it.each<[string, unknown, string]>([
    ['a file', user([{ type: 'file', file: { file_id: 'file-1' } }]), 'messages[0].content[0].file.file_id'],
    [
      'a file beside data',
      user([{ type: 'file', file: { file_data: 'x', file_id: 'f' } }]),
      'messages[0].content[0].file.file_id',
    ],
    [
      'a second part',
      user([
        { type: 'text', text: 'a' },
        { type: 'file', file: { file_id: 'f' } },
      ]),
      'messages[0].content[1].file.file_id',
    ],
    ['a part of Responses', user([{ type: 'input_file', file_id: 'file-1' }]), 'messages[0].content[0].file_id'],
    ['a list', user([{ type: 'file', file: { file_id: ['file-1'] } }]), 'messages[0].content[0].file.file_id'],
    [
      'earlier speech',
      { model: 'm', messages: [{ role: 'assistant', audio: { id: 'audio_1' } }] },
      'messages[0].audio.id',
    ],
    [
      'earlier speech, spelt oddly',
      '{"model":"m","messages":[{"role":"assistant","audio":{"\\u0069d":"audio_1"}}]}',
      'messages[0].audio.id',
    ],
  ])('are refused for every key: %s', (_what, body, param) => {
    expect(read(body)).toMatchObject({ kind: 'refusal', code: 'invalid_request', param });
  });
  it.each([
    '{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"File_ID":"f"}}]}]}',
    '{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file\\u005fid":"f"}}]}]}',
    '{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"fileId":"f"}}]}]}',
  ])('are refused in another spelling, which some reader understands: %s', (body) => {
    expect(read(body)).toMatchObject({ kind: 'refusal', code: 'invalid_request' });
  });
  it.each<[string, string]>([
    ['{"type":"file_search","vector_store_ids":["vs_1"]}', 'vector_store_ids'],
    ['{"type":"file_search","vector_store_\\u0069ds":["vs_1"]}', 'vector_store_ids'],
    ['{"type":"code_interpreter","container":"cntr_1"}', 'container'],
    ['{"type":"code_interpreter","container":{"file_ids":["f"]}}', 'file_ids'],
    ['{"type":"file_search","t\\u0079pe":"web_search"}', 'type'],
    ['{"type":"image_generation","m\\u006fdel":"gpt-image-99"}', 'model'],
  ])('and names that some reader may take for another are refused in tools: %s', (tool, field) => {
    expect(read(`{"model":"m","messages":[],"tools":[${tool}]}`)).toMatchObject({
      code: 'invalid_request',
      param: `tools[0].${field}`,
    });
  });
  it.each([{ model: 'gpt-image-99' }, { model: ['gpt'] }])('leave a tool that names a model: %j', (names) => {
    const asked = read({ ...user('hi'), tools: [{ type: 'image_generation', ...names }], moderation: { model: 'x' } });
    expect(asked).toMatchObject({
      others: [
        { name: 'tools', use: 'elsewhere', reason: { param: 'tools[0].model' } },
        { name: 'moderation', use: 'elsewhere' },
      ],
    });
  });
  it.each<[string, unknown]>([
    ['null', user([{ type: 'file', file: { file_id: null, file_data: 'data:application/pdf;base64,AA==' } }])],
    ['a word of a text', user([{ type: 'text', text: '"file_id":"file-1"' }])],
    [
      'an argument of a function',
      {
        ...user('hi'),
        tools: [
          { type: 'function', function: { name: 'f', parameters: { properties: { file_id: { type: 'string' } } } } },
        ],
      },
    ],
    [
      'the result of a function',
      { model: 'm', messages: [{ role: 'tool', tool_call_id: 'c', content: '{"file_id":"f"}' }] },
    ],
    ['the id of a message', { model: 'm', messages: [{ role: 'assistant', id: 'msg_1', content: 'hi' }] }],
    ['metadata', { ...user('hi'), metadata: { file_id: 'f', container: 'c' } }],
  ])('are not seen in %s', (_what, body) => {
    expect(read(body)).toMatchObject({ model: 'm' });
  });
});
