import { ChatAnthropic } from '@langchain/anthropic';
import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessageChunk, HumanMessage, ToolMessage, type BaseMessage } from '@langchain/core/messages';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import {
  IMAGE,
  Pieces,
  RESULT,
  SCHEMA,
  TOOLS,
  type Client,
  type Connected,
  type Place,
  type Said,
} from '../kit/client.js';
import { failedOf } from './sdk-errors.js';

const MAX_TOKENS = 1_000;
const tools = TOOLS.map(({ name, description, parameters }) => ({ name, description, schema: parameters }));

type Bound = Pick<BaseChatModel, 'stream'>;

function connectWith(make: (place: Place) => BaseChatModel, embeddings?: (place: Place) => OpenAIEmbeddings) {
  return (place: Place): Connected => {
    const model = make(place);
    const vectors = embeddings?.(place);
    return {
      plain: async (prompt) => saidOf(await model.invoke(prompt)),
      streamed: async (prompt) => (await streamed(model, [new HumanMessage(prompt)])).said,
      tools: (prompt) => useTools(model, prompt),
      image: async (text) => {
        const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${IMAGE}` } };
        return saidOf(await model.invoke([new HumanMessage({ content: [{ type: 'text', text }, picture] })]));
      },
      structured: (prompt) =>
        model.withStructuredOutput(SCHEMA, { name: 'weather', method: 'jsonSchema' }).invoke(prompt),
      ...(vectors && { embeddings: (texts) => vectors.embedDocuments([...texts]) }),
      cancelled: async (prompt) => {
        const leaving = new AbortController();
        for await (const chunk of await model.stream(prompt, { signal: leaving.signal }))
          if (chunk.text !== '') leaving.abort();
      },
      failed: failedOf,
    };
  };
}

function saidOf(message: AIMessageChunk | BaseMessage): Said {
  const { usage_metadata: usage } = message as AIMessageChunk;
  return { text: message.text, pieces: 1, inputTokens: usage?.input_tokens, outputTokens: usage?.output_tokens };
}

async function streamed(model: Bound, messages: BaseMessage[]): Promise<{ said: Said; whole: AIMessageChunk }> {
  const pieces = new Pieces();
  let whole: AIMessageChunk | undefined;
  for await (const chunk of await model.stream(messages)) {
    pieces.add(chunk.text);
    whole = whole === undefined ? chunk : whole.concat(chunk);
  }
  if (whole === undefined) throw new Error('the stream was empty');
  return { said: { ...saidOf(whole), pieces: pieces.said().pieces }, whole };
}

async function useTools(model: BaseChatModel, prompt: string) {
  const bound = model.bindTools!(tools) as unknown as Bound;
  const { whole } = await streamed(bound, [new HumanMessage(prompt)]);
  const calls = whole.tool_calls ?? [];
  const results = calls.map(({ id }) => new ToolMessage({ content: RESULT, tool_call_id: id ?? '' }));
  const { said } = await streamed(bound, [new HumanMessage(prompt), whole, ...results]);
  return { said, calls: calls.map(({ name, args }) => ({ name, input: args as unknown })) };
}

export const langchainOpenAi: Client = {
  name: '@langchain/openai',
  speaks: '/v1/chat/completions',
  retries: true,
  connect: connectWith(
    ({ url, secret, model }) => new ChatOpenAI({ apiKey: secret, model, configuration: { baseURL: `${url}/v1` } }),
    ({ url, secret }) =>
      new OpenAIEmbeddings({ apiKey: secret, model: 'vectors', configuration: { baseURL: `${url}/v1` } }),
  ),
};

export const langchainAnthropic: Client = {
  name: '@langchain/anthropic',
  // It adds the output tokens of `message_start` to those of `message_delta`, which are cumulative.
  miscountsStreams: true,
  speaks: '/v1/messages',
  retries: true,
  connect: connectWith(
    ({ url, secret, model }) =>
      new ChatAnthropic({ apiKey: secret, model, maxTokens: MAX_TOKENS, anthropicApiUrl: url }),
  ),
};
