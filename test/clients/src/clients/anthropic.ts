import { Anthropic } from '@anthropic-ai/sdk';
import { Anthropic as Anthropic0 } from 'anthropic-0';
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

type Message = Anthropic.MessageParam;

const MAX_TOKENS = 1_000;
const tools = TOOLS.map(({ name, description, parameters }) => ({
  name,
  description,
  input_schema: parameters as unknown as Anthropic.Tool.InputSchema,
}));
const user = (content: Message['content']): Message => ({ role: 'user', content });

function anthropic(make: (place: Place) => Anthropic): (place: Place) => Connected {
  return (place) => {
    const sdk = make(place);
    const base = { model: place.model, max_tokens: MAX_TOKENS };
    return {
      plain: async (prompt) => saidOf(await sdk.messages.create({ ...base, messages: [user(prompt)] })),
      streamed: async (prompt) => (await streamed(sdk, base, [user(prompt)])).said,
      tools: (prompt) => useTools(sdk, base, prompt),
      image: async (text) => {
        const source = { type: 'base64' as const, media_type: 'image/png' as const, data: IMAGE };
        const messages = [
          user([
            { type: 'image', source },
            { type: 'text', text },
          ]),
        ];
        return saidOf(await sdk.messages.create({ ...base, messages }));
      },
      structured: async (prompt) => {
        const format = { type: 'json_schema' as const, schema: SCHEMA };
        const message = await sdk.messages.create({ ...base, messages: [user(prompt)], output_config: { format } });
        return JSON.parse(saidOf(message).text) as unknown;
      },
      models: async () => {
        const ids: string[] = [];
        for await (const { id } of sdk.models.list()) ids.push(id);
        return ids;
      },
      cancelled: async (prompt) => {
        const stream = await sdk.messages.create({ ...base, messages: [user(prompt)], stream: true });
        for await (const { type } of stream) if (type === 'content_block_delta') stream.controller.abort();
      },
      failed: failedOf,
    };
  };
}

function saidOf({ content, usage }: Anthropic.Message): Said {
  return {
    text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    pieces: 1,
    inputTokens: usage.input_tokens + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0),
    outputTokens: usage.output_tokens,
  };
}

type Base = Pick<Anthropic.MessageCreateParams, 'model' | 'max_tokens'>;

async function streamed(
  sdk: Anthropic,
  base: Base,
  messages: Message[],
): Promise<{ said: Said; final: Anthropic.Message }> {
  const pieces = new Pieces();
  const stream = sdk.messages.stream({ ...base, messages, tools });
  stream.on('text', (text) => pieces.add(text));
  const final = await stream.finalMessage();
  return { said: { ...saidOf(final), pieces: pieces.said().pieces }, final };
}

async function useTools(sdk: Anthropic, base: Base, prompt: string) {
  const { final } = await streamed(sdk, base, [user(prompt)]);
  const uses = final.content.filter((block) => block.type === 'tool_use');
  const results = uses.map(({ id }) => ({ type: 'tool_result' as const, tool_use_id: id, content: RESULT }));
  const turns = [user(prompt), { role: 'assistant' as const, content: final.content }, user(results)];
  const { said } = await streamed(sdk, base, turns);
  return { calls: uses.map(({ name, input }): Called => ({ name, input })), said };
}

/** The calls that are made here are the same in both majors. */
const OldAnthropic = Anthropic0 as unknown as typeof Anthropic;

export const anthropic1: Client = {
  name: '@anthropic-ai/sdk 1',
  speaks: '/v1/messages',
  rejectsBrokenStreams: true,
  retries: true,
  connect: anthropic(({ url, secret }) => new Anthropic({ apiKey: secret, baseURL: url })),
};

export const anthropic0: Client = {
  name: '@anthropic-ai/sdk 0',
  speaks: '/v1/messages',
  retries: true,
  connect: anthropic(({ url, secret }) => new OldAnthropic({ apiKey: secret, baseURL: url })),
};
