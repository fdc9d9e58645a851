import { OpenRouter } from '@openrouter/sdk';
import type { ChatMessages, ChatResult, ChatStreamChunk, ChatToolCall } from '@openrouter/sdk/models';
import {
  IMAGE,
  Pieces,
  RESULT,
  SCHEMA,
  TOOLS,
  type Called,
  type Client,
  type Connected,
  type Place,
  type Said,
} from '../kit/client.js';
import { failedOf } from './sdk-errors.js';

const tools = TOOLS.map((tool) => ({ type: 'function' as const, function: tool }));
const user = (content: string): ChatMessages => ({ role: 'user', content });

function connect({ url, secret, model }: Place): Connected {
  const sdk = new OpenRouter({ apiKey: secret, serverURL: `${url}/api/v1` });
  const send = async (messages: ChatMessages[], more: object = {}): Promise<ChatResult> =>
    (await sdk.chat.send({ chatRequest: { model, messages, stream: false, ...more } })) as ChatResult;
  return {
    plain: async (prompt) => saidOf(await send([user(prompt)])),
    streamed: async (prompt) => (await streamed(sdk, model, [user(prompt)])).said,
    tools: (prompt) => useTools(sdk, model, prompt),
    image: async (text) => {
      const picture = { type: 'image_url' as const, imageUrl: { url: `data:image/png;base64,${IMAGE}` } };
      return saidOf(await send([{ role: 'user', content: [{ type: 'text', text }, picture] }]));
    },
    structured: async (prompt) => {
      const responseFormat = { type: 'json_schema', jsonSchema: { name: 'weather', strict: true, schema: SCHEMA } };
      return JSON.parse(saidOf(await send([user(prompt)], { responseFormat })).text) as unknown;
    },
    embeddings: async (input) => {
      const answer = await sdk.embeddings.generate({ requestBody: { model: 'vectors', input: [...input] } });
      if (typeof answer === 'string') throw new Error(answer);
      return answer.data.map(({ embedding }) => embedding as number[]);
    },
    models: async () => {
      const ids: string[] = [];
      for await (const page of await sdk.models.list()) ids.push(...page.result.data.map(({ id }) => id));
      return ids;
    },
    cancelled: async (prompt) => {
      const stream = (await sdk.chat.send({
        chatRequest: { model, messages: [user(prompt)], stream: true },
      })) as AsyncIterable<ChatStreamChunk>;
      for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    },
    failed: failedOf,
  };
}

function saidOf({ choices, usage }: ChatResult): Said {
  const content = choices[0]?.message.content;
  return {
    text: typeof content === 'string' ? content : '',
    pieces: 1,
    inputTokens: usage?.promptTokens,
    outputTokens: usage?.completionTokens,
  };
}

async function streamed(
  sdk: OpenRouter,
  model: string,
  messages: ChatMessages[],
): Promise<{ said: Said; calls: ChatToolCall[] }> {
  const pieces = new Pieces();
  const calls: ChatToolCall[] = [];
  const stream = (await sdk.chat.send({
    chatRequest: { model, messages, tools, stream: true },
  })) as AsyncIterable<ChatStreamChunk>;
  for await (const { choices, usage, error } of stream) {
    // Its users tell a failed answer so: the SDK gives them the chunk.
    if (error !== undefined && choices[0]?.finishReason === 'error')
      throw Object.assign(new Error(error.message), { statusCode: error.code });
    pieces.add(choices[0]?.delta.content);
    for (const { index, id, function: delta } of choices[0]?.delta.toolCalls ?? []) {
      const call = (calls[index] ??= { id: id ?? '', type: 'function', function: { name: '', arguments: '' } });
      call.function.name += delta?.name ?? '';
      call.function.arguments += delta?.arguments ?? '';
    }
    pieces.inputTokens = usage?.promptTokens ?? pieces.inputTokens;
    pieces.outputTokens = usage?.completionTokens ?? pieces.outputTokens;
  }
  return { said: pieces.said(), calls };
}

async function useTools(sdk: OpenRouter, model: string, prompt: string) {
  const { calls } = await streamed(sdk, model, [user(prompt)]);
  const results = calls.map(({ id }): ChatMessages => ({ role: 'tool', toolCallId: id, content: RESULT }));
  const { said } = await streamed(sdk, model, [user(prompt), { role: 'assistant', toolCalls: calls }, ...results]);
  const called = calls.map(({ function: { name, arguments: json } }): Called => ({
    name,
    input: JSON.parse(json) as unknown,
  }));
  return { said, calls: called };
}

export const openRouter: Client = {
  name: '@openrouter/sdk',
  speaks: '/api/v1/chat/completions',
  rejectsBrokenStreams: true,
  // It does so after errors of servers only.
  retries: false,
  connect,
};
