import { createHash } from 'node:crypto';
import type { Behaviour } from './behaviour.js';
import { behave, chooseBehaviour } from './behave.js';
import type { Controlled } from './control.js';
import { parseEmbeddingsRequest, type EmbeddingsRequest } from './embeddings-request.js';
import { providerField, type Exchange } from './exchange.js';
import { sendPlain } from './send.js';

/** Answers `POST /v1/embeddings`, as well or as badly as it is told. */
export async function answerEmbeddings(
  exchange: Exchange,
  body: Buffer,
  deployment: string | null,
  controlled: Controlled,
): Promise<void> {
  const { entry } = exchange;
  const parsed = parseEmbeddingsRequest(body, deployment);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const { request } = parsed;
  entry.model = request.model;

  const behaviour = chooseBehaviour(exchange, request, controlled);
  if (behaviour === undefined) return;
  const tokens = behaviour.prompt_tokens ?? tokensOf(request, body.length);
  entry.usage = { prompt_tokens: tokens, completion_tokens: 0 };

  if (!(await behave(exchange, behaviour, controlled))) return;
  return answer(exchange, request, behaviour, tokens);
}

async function answer(
  exchange: Exchange,
  request: EmbeddingsRequest,
  behaviour: Behaviour,
  tokens: number,
): Promise<void> {
  const json = JSON.stringify({
    object: 'list',
    data: request.inputs.map((input, index) => ({ object: 'embedding', index, embedding: vectorOf(input, request) })),
    model: request.model,
    ...(behaviour.omit_usage === true ? {} : { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
    ...providerField(exchange.shownProvider),
  });
  return sendPlain(exchange, behaviour, json, behaviour.omit_usage !== true);
}

/** Tokens that the caller cut itself are counted; text has a quarter of the body's bytes, as in chat. */
function tokensOf({ inputs }: EmbeddingsRequest, bodyBytes: number): number {
  const lists = inputs.filter((input) => typeof input !== 'string');
  return lists.length === inputs.length ? lists.reduce((sum, list) => sum + list.length, 0) : Math.ceil(bodyBytes / 4);
}

/** The same input has the same vector, whose numbers single precision holds exactly. */
function vectorOf(input: string | readonly number[], { dimensions, encoding }: EmbeddingsRequest): number[] | string {
  const digest = createHash('sha256').update(JSON.stringify(input)).digest();
  const vector = Float32Array.from(
    { length: dimensions },
    (_, i) => ((digest[i % digest.length] ?? 0) - 128 + Math.floor(i / digest.length)) / 256,
  );
  return encoding === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
}
