import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  embedMany,
  generateText,
  jsonSchema,
  Output,
  stepCountIs,
  streamText,
  tool,
  type EmbeddingModel,
  type LanguageModel,
} from 'ai';
import { IMAGE, RESULT, SCHEMA, TOOLS, type Called, type Client, type Connected, type Place } from '../kit/client.js';
import { failedOf } from './sdk-errors.js';

interface Models {
  readonly language: LanguageModel;
  readonly embedding?: EmbeddingModel;
}

const MAX_TOKENS = 1_000;

function connectWith(models: (place: Place) => Models): (place: Place) => Connected {
  return (place) => {
    const { language: model, embedding } = models(place);
    const base = { model, maxOutputTokens: MAX_TOKENS };
    return {
      plain: async (prompt) => {
        const { text, usage } = await generateText({ ...base, prompt });
        return { text, pieces: 1, inputTokens: usage.inputTokens, outputTokens: usage.outputTokens };
      },
      streamed: async (prompt) => readStream(streamText({ ...base, prompt, onError: () => undefined })),
      tools: (prompt) => useTools(base, prompt),
      image: async (text) => {
        const file = { type: 'file' as const, mediaType: 'image/png', data: IMAGE };
        const content = [{ type: 'text' as const, text }, file];
        const answer = await generateText({ ...base, messages: [{ role: 'user', content }] });
        const { inputTokens, outputTokens } = answer.usage;
        return { text: answer.text, pieces: 1, inputTokens, outputTokens };
      },
      structured: async (prompt) =>
        (await generateText({ ...base, prompt, output: Output.object({ schema: jsonSchema(SCHEMA) }) })).output,
      ...(embedding && {
        embeddings: async (values) => (await embedMany({ model: embedding, values: [...values] })).embeddings,
      }),
      cancelled: async (prompt) => {
        const leaving = new AbortController();
        const { textStream } = streamText({ ...base, prompt, abortSignal: leaving.signal, onError: () => undefined });
        for await (const _ of textStream) leaving.abort();
      },
      failed: failedOf,
    };
  };
}

async function readStream(stream: Pick<ReturnType<typeof streamText>, 'textStream' | 'totalUsage'>) {
  const texts: string[] = [];
  for await (const text of stream.textStream) texts.push(text);
  const { inputTokens, outputTokens } = await stream.totalUsage;
  return { text: texts.join(''), pieces: texts.length, inputTokens, outputTokens };
}

async function useTools(base: { model: LanguageModel; maxOutputTokens: number }, prompt: string) {
  const calls: Called[] = [];
  const tools = Object.fromEntries(
    TOOLS.map(({ name, description, parameters }) => [
      name,
      tool({
        description,
        inputSchema: jsonSchema<object>(parameters as Parameters<typeof jsonSchema>[0] & object),
        execute: (input) => {
          calls.push({ name, input });
          return RESULT;
        },
      }),
    ]),
  );
  const stream = streamText({ ...base, prompt, tools, stopWhen: stepCountIs(2), onError: () => undefined });
  return { said: await readStream(stream), calls };
}

export const aiOpenAiChat: Client = {
  name: '@ai-sdk/openai, chat',
  speaks: '/v1/chat/completions',
  retries: true,
  connect: connectWith(({ url, secret, model }) => {
    const provider = createOpenAI({ apiKey: secret, baseURL: `${url}/v1` });
    return { language: provider.chat(model), embedding: provider.embedding('vectors') };
  }),
};

export const aiOpenAiResponses: Client = {
  name: '@ai-sdk/openai, responses',
  speaks: '/v1/responses',
  retries: true,
  connect: connectWith(({ url, secret, model }) => {
    const provider = createOpenAI({ apiKey: secret, baseURL: `${url}/v1` });
    return { language: provider.responses(model) };
  }),
};

export const aiCompatible: Client = {
  name: '@ai-sdk/openai-compatible',
  speaks: '/v1/chat/completions',
  retries: true,
  connect: connectWith(({ url, secret, model }) => {
    const provider = createOpenAICompatible({
      name: 'tollgate',
      apiKey: secret,
      baseURL: `${url}/v1`,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    return { language: provider.chatModel(model), embedding: provider.embeddingModel('vectors') };
  }),
};

export const aiAnthropic: Client = {
  name: '@ai-sdk/anthropic',
  speaks: '/v1/messages',
  retries: true,
  connect: connectWith(({ url, secret, model }) => {
    const provider = createAnthropic({ apiKey: secret, baseURL: `${url}/v1` });
    return { language: provider(model) };
  }),
};
