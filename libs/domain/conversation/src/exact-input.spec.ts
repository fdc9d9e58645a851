import { describe, expect, it } from 'vitest';
import { anthropicMessages } from './anthropic-messages/codec.js';
import type { DialectCodec, JsonObject } from './dialect-codec.js';
import { parseJson, writeJson } from './exact-json.js';
import { isFault } from './fault.js';
import { SAME_NAMES } from './names.js';
import { openaiChat } from './openai-chat/codec.js';
import { openaiResponses } from './openai-responses/codec.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from './testing/contexts.js';

const CODECS = [openaiChat, openaiResponses, anthropicMessages];
const PAIRS = CODECS.flatMap((from) => CODECS.map((to) => ({ from, to })));
/** Numbers that JavaScript would round or write in another way. */
const INPUT = '{"id":2512292042121000001,"far":[1e400,-0],"price":0.1000,"in":{"e":1E5}}';
/** The same in the text of a string. */
const ARGUMENTS = JSON.stringify(INPUT);
const SCHEMA = '{"type":"object","properties":{"id":{"type":"integer","maximum":9223372036854775807}}}';

/** A request of each dialect with a call in its history, as its clients write it. */
const REQUESTS: Readonly<Record<string, string>> = {
  'openai-chat': `{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"call_1",
    "type":"function","function":{"name":"look","arguments":${ARGUMENTS}}}]},{"role":"tool","tool_call_id":"call_1",
    "content":"ok"}],"tools":[{"type":"function","function":{"name":"look","parameters":${SCHEMA}}}]}`,
  'openai-responses': `{"model":"m","input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"call_1",
    "name":"look","arguments":${ARGUMENTS}},{"type":"function_call_output","call_id":"call_1","output":"ok"}],
    "tools":[{"type":"function","name":"look","parameters":${SCHEMA}}]}`,
  'anthropic-messages': `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"},{"role":"assistant",
    "content":[{"type":"tool_use","id":"call_1","name":"look","input":${INPUT}}]},{"role":"user",
    "content":[{"type":"tool_result","tool_use_id":"call_1","content":"ok"}]}],
    "tools":[{"name":"look","input_schema":${SCHEMA}}]}`,
};

/** A reply of each dialect with a call. */
const REPLIES: Readonly<Record<string, readonly string[]>> = {
  'openai-chat': [ARGUMENTS, INPUT].map(
    (args) => `{"id":"chatcmpl-1","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{
      "role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"look",
      "arguments":${args}}}]}}]}`,
  ),
  'openai-responses': [
    `{"id":"resp_1","object":"response","status":"completed","model":"m","output":[{"type":"function_call","id":"fc_1",
      "call_id":"call_1","name":"look","arguments":${ARGUMENTS}}]}`,
  ],
  'anthropic-messages': [
    `{"id":"msg_1","type":"message","role":"assistant","model":"m","stop_reason":"tool_use","content":[
      {"type":"tool_use","id":"call_1","name":"look","input":${INPUT}}],"usage":{"input_tokens":1,"output_tokens":1}}`,
  ],
};

/** Streams with a call whose input comes as an object, and not as text. */
const STREAMS: Readonly<Record<string, readonly string[]>> = {
  'openai-chat': [
    `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"look",
      "arguments":${INPUT}}}]},"finish_reason":"tool_calls"}]}`,
  ],
  'anthropic-messages': [
    '{"type":"message_start","message":{"id":"msg_1","model":"m"}}',
    `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"call_1","name":"look",
      "input":${INPUT}}}`,
    '{"type":"content_block_stop","index":0}',
    '{"type":"message_delta","delta":{"stop_reason":"tool_use"}}',
    '{"type":"message_stop"}',
  ],
};

const documentOf = (text: string | undefined): JsonObject => parseJson(text ?? 'null') as JsonObject;
/** How the input stands in a document of a dialect. */
const inputIn = (codec: DialectCodec): string => (codec === anthropicMessages ? `"input":${INPUT}` : ARGUMENTS);

describe.each(PAIRS)('from $from.name to $to.name', ({ from, to }) => {
  it('the input of a call in the history, and the schema of its tool, have the same numbers', () => {
    const conversation = from.readRequest(documentOf(REQUESTS[from.name]));
    if (isFault(conversation)) throw new Error(conversation.message);
    const written = to.writeRequest(conversation, { ...WRITE_CONTEXT, model: 'claude-sonnet-5' });
    if (isFault(written)) throw new Error(written.message);
    const text = writeJson(written.body);
    expect(text).toContain(inputIn(to));
    expect(text).toContain(SCHEMA);
  });

  it('the input of a call in a reply has the same numbers', () => {
    for (const reply of REPLIES[from.name] ?? []) {
      const answer = from.readReply(documentOf(reply), SAME_NAMES);
      if (answer === null) throw new Error('it is no answer');
      expect(writeJson(to.writeReply(answer, REPLY_CONTEXT))).toContain(inputIn(to));
    }
  });

  it.each(STREAMS[from.name] === undefined ? [] : [{ stream: STREAMS[from.name] }])(
    'the input of a call in a stream has the same numbers',
    ({ stream }) => {
      const decoder = from.readStream(SAME_NAMES);
      const events = (stream ?? []).flatMap((data) => decoder.take(null, documentOf(data)));
      const encoder = to.writeStream(REPLY_CONTEXT);
      const sent = [...events, ...decoder.end()].flatMap((event) => encoder.take(event).map(({ data }) => data));
      expect(sent.map(writeJson).join('\n')).toContain(ARGUMENTS.slice(1, -1));
    },
  );
});

it('arguments that are nested too deeply to be written again are refused', () => {
  const args = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
  const request = REQUESTS['openai-chat']?.replace(ARGUMENTS, JSON.stringify(args));
  expect(openaiChat.readRequest(documentOf(request))).toMatchObject({
    kind: 'fault',
    param: 'messages[1].tool_calls[0].function.arguments',
  });
});
