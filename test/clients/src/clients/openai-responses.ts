import { OpenAI } from 'openai';
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
import { idsOf } from './openai-chat.js';
import { failedOf } from './sdk-errors.js';

type Input = OpenAI.Responses.ResponseInput;
type Call = OpenAI.Responses.ResponseFunctionToolCall;

const tools = TOOLS.map((tool) => ({ type: 'function' as const, strict: true, ...tool }));
const user = (content: string): Input[number] => ({ role: 'user', content });

function connect({ url, secret, model }: Place): Connected {
  const sdk = new OpenAI({ apiKey: secret, baseURL: `${url}/v1` });
  return {
    plain: async (input) => saidOf(await sdk.responses.create({ model, input })),
    streamed: async (prompt) => (await streamed(sdk, model, [user(prompt)])).said,
    tools: async (prompt) => {
      const first = await streamed(sdk, model, [user(prompt)]);
      const results = first.calls.map(({ call_id }) => ({
        type: 'function_call_output' as const,
        call_id,
        output: RESULT,
      }));
      // Only a provider of OpenAI's keeps what was said; to others it is sent again.
      const second = model.startsWith('gpt')
        ? await streamed(sdk, model, results, first.id)
        : await streamed(sdk, model, [user(prompt), ...first.calls, ...results]);
      const calls = first.calls.map(({ name, arguments: json }): Called => ({
        name,
        input: JSON.parse(json) as unknown,
      }));
      return { calls, said: second.said };
    },
    image: async (text) => {
      const picture = {
        type: 'input_image' as const,
        detail: 'auto' as const,
        image_url: `data:image/png;base64,${IMAGE}`,
      };
      const input: Input = [{ role: 'user', content: [{ type: 'input_text', text }, picture] }];
      return saidOf(await sdk.responses.create({ model, input }));
    },
    structured: async (input) => {
      const format = { type: 'json_schema' as const, name: 'weather', strict: true, schema: SCHEMA };
      return JSON.parse((await sdk.responses.create({ model, input, text: { format } })).output_text) as unknown;
    },
    models: () => idsOf(sdk),
    cancelled: async (input) => {
      const stream = await sdk.responses.create({ model, input, stream: true });
      for await (const { type } of stream) if (type === 'response.output_text.delta') stream.controller.abort();
    },
    failed: failedOf,
  };
}

function saidOf({ output_text: text, usage }: OpenAI.Responses.Response): Said {
  return { text, pieces: 1, inputTokens: usage?.input_tokens, outputTokens: usage?.output_tokens };
}

async function streamed(
  sdk: OpenAI,
  model: string,
  input: Input,
  previous?: string,
): Promise<{ said: Said; calls: Call[]; id: string }> {
  const pieces = new Pieces();
  const calls: Call[] = [];
  let id = '';
  const stream = sdk.responses.stream({ model, input, tools, previous_response_id: previous ?? null });
  for await (const event of stream) {
    if (event.type === 'response.output_text.delta') pieces.add(event.delta);
    if (event.type === 'response.output_item.done' && event.item.type === 'function_call') calls.push(event.item);
    if (event.type !== 'response.completed') continue;
    id = event.response.id;
    pieces.inputTokens = event.response.usage?.input_tokens;
    pieces.outputTokens = event.response.usage?.output_tokens;
  }
  return { said: pieces.said(), calls, id };
}

export const openAiResponses: Client = {
  name: 'openai 7, responses',
  speaks: '/v1/responses',
  retries: true,
  connect,
};
