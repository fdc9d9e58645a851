import { OpenAI } from 'openai';
import OpenAI4 from 'openai-4';
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
} from '../kit/client.js';
import { failedOf } from './sdk-errors.js';

type Message = OpenAI.Chat.ChatCompletionMessageParam;
type Request = Pick<OpenAI.Chat.ChatCompletionCreateParams, 'model' | 'messages' | 'tools'>;

const tools = TOOLS.map((tool) => ({ type: 'function' as const, function: tool }));
const user = (content: string): Message => ({ role: 'user', content });

/** OpenAI's own SDK, at chat completions; `make` is what its user calls first. */
export function openAiChat(make: (place: Place) => OpenAI): (place: Place) => Connected {
  return (place) => {
    const sdk = make(place);
    const { model } = place;
    return {
      plain: (prompt) => plain(sdk, { model, messages: [user(prompt)] }),
      streamed: async (prompt) => (await streamed(sdk, { model, messages: [user(prompt)] })).pieces.said(),
      tools: (prompt) => useTools(sdk, model, prompt),
      image: (prompt) => {
        const url = `data:image/png;base64,${IMAGE}`;
        const content = [
          { type: 'text' as const, text: prompt },
          { type: 'image_url' as const, image_url: { url } },
        ];
        return plain(sdk, { model, messages: [{ role: 'user', content }] });
      },
      structured: async (prompt) => {
        const completion = await sdk.chat.completions.create({
          model,
          messages: [user(prompt)],
          response_format: { type: 'json_schema', json_schema: { name: 'weather', strict: true, schema: SCHEMA } },
        });
        return JSON.parse(completion.choices[0]?.message.content ?? '') as unknown;
      },
      embeddings: async (input) =>
        (await sdk.embeddings.create({ model: 'vectors', input: [...input] })).data.map(({ embedding }) => embedding),
      models: () => idsOf(sdk),
      cancelled: async (prompt) => {
        const stream = await sdk.chat.completions.create({ model, messages: [user(prompt)], stream: true });
        for await (const chunk of stream) if (chunk.choices[0]?.delta.content) stream.controller.abort();
      },
      failed: failedOf,
    };
  };
}

/** The ids of all models, over all pages. */
export async function idsOf(sdk: OpenAI): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of sdk.models.list()) ids.push(id);
  return ids;
}

async function plain(sdk: OpenAI, request: Request) {
  const { choices, usage } = await sdk.chat.completions.create({ ...request, stream: false });
  return {
    text: choices[0]?.message.content ?? '',
    pieces: 1,
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
  };
}

interface StreamedCall {
  id: string;
  name: string;
  input: string;
}

async function streamed(sdk: OpenAI, request: Request): Promise<{ pieces: Pieces; calls: StreamedCall[] }> {
  const pieces = new Pieces();
  const calls: StreamedCall[] = [];
  const stream = await sdk.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const { choices, usage } of stream) {
    pieces.add(choices[0]?.delta.content);
    for (const delta of choices[0]?.delta.tool_calls ?? []) {
      const call = (calls[delta.index] ??= { id: '', name: '', input: '' });
      call.id += delta.id ?? '';
      call.name += delta.function?.name ?? '';
      call.input += delta.function?.arguments ?? '';
    }
    pieces.inputTokens = usage?.prompt_tokens ?? pieces.inputTokens;
    pieces.outputTokens = usage?.completion_tokens ?? pieces.outputTokens;
  }
  return { pieces, calls };
}

async function useTools(sdk: OpenAI, model: string, prompt: string) {
  const first = await streamed(sdk, { model, messages: [user(prompt)], tools });
  const messages: Message[] = [
    user(prompt),
    {
      role: 'assistant',
      content: null,
      tool_calls: first.calls.map(({ id, name, input }) => ({
        id,
        type: 'function',
        function: { name, arguments: input },
      })),
    },
    ...first.calls.map(({ id }): Message => ({ role: 'tool', tool_call_id: id, content: RESULT })),
  ];
  const second = await streamed(sdk, { model, messages, tools });
  const calls = first.calls.map(({ name, input }): Called => ({ name, input: JSON.parse(input) as unknown }));
  return { calls, said: second.pieces.said() };
}

/** The calls that are made here are the same in both majors. */
const OldOpenAi = OpenAI4 as unknown as typeof OpenAI;

export const openAi7: Client = {
  name: 'openai 7, chat',
  speaks: '/v1/chat/completions',
  rejectsBrokenStreams: true,
  retries: true,
  connect: openAiChat(({ url, secret }) => new OpenAI({ apiKey: secret, baseURL: `${url}/v1` })),
};

export const openAi4: Client = {
  name: 'openai 4, chat',
  speaks: '/v1/chat/completions',
  retries: true,
  connect: openAiChat(({ url, secret }) => new OldOpenAi({ apiKey: secret, baseURL: `${url}/v1` })),
};
