import { waitUntil } from '@tollgate/infra';
import { APIError } from 'openai';
import { CallUnderWay, type RawCall } from '../kit/call-under-way.js';
import { Reply } from '../kit/chat-reply.js';
import { usd } from '../kit/prices.js';
import { usageOf } from '../kit/provider-log.js';
import type { Play } from '../kit/scripted-provider/index.js';
import { chatPath, type CreatedKey, type UsageTotals } from '../kit/tollgate-client.js';
import type { ExpectedUsage, Quirk, Range } from './quirk.js';
import { healthyModel, outputTokensMax, tokenPrices, type QuirkStage } from './quirk-stage.js';

/** What a client got. */
export interface Got {
  readonly reply: Reply;
  /** Whether the reply ended as HTTP has it. */
  readonly complete: boolean;
  /** Of a call through the SDK: what its loop put together, and what it threw besides an error of the API. */
  readonly sdk?: { readonly content: string; readonly thrown: unknown };
}

/** All that is known of a row when it is over. */
export interface Played {
  readonly got: readonly Got[];
  readonly play: Play;
  readonly usage: UsageTotals;
  /** The status of a call that came after all of it; only where the row asks what is left of the key. */
  readonly afterwards: number | null;
  readonly output: () => string;
}

/** Usage is waited for so long; it is there within seconds, or it is missing. */
const USAGE_MS_MAX = 30_000;

/** Plays one row from its key to its usage. */
export async function playQuirk(stage: QuirkStage, quirk: Quirk): Promise<Played> {
  const { model, play } = stage.set(quirk);
  const client = stage.shape.client();
  const key = await client.createKey({ name: model, ...keyFields(quirk, model) });
  const got = await askAll(stage, quirk, key, model, play);
  const reached = typeof quirk.expect.usage === 'string' && quirk.expect.usage !== 'nothing' ? 0 : got.length;
  const usage = await usageOf(stage.shape, key.id, reached, USAGE_MS_MAX).catch(() => client.usage(key.id));
  if (quirk.expect.hangsUp)
    await waitUntil(() => play.requests.at(quirk.asksAgain === undefined ? -1 : 0)?.connection.isClosed, {
      what: 'the provider to be hung up on',
      timeoutMs: 30_000,
    });
  const afterwards =
    quirk.key === 'covers one call' || quirk.expect.usage === 'no event' ? await afterwardsOf(stage, quirk, key) : null;
  return { got, play, usage, afterwards, output: () => stage.shape.process.output() };
}

/** A call of a healthy model that holds no more than the row's did. Where no event is expected, it is the only one. */
async function afterwardsOf(stage: QuirkStage, quirk: Quirk, key: CreatedKey): Promise<number> {
  const { status } = await stage.shape
    .client()
    .chat(key.secret, { model: healthyModel, messages: [], max_tokens: outputTokensMax });
  if (quirk.expect.usage === 'no event') {
    await usageOf(stage.shape, key.id, 1, USAGE_MS_MAX);
    const { requests } = await stage.shape.client().usage(key.id);
    if (requests !== 1)
      throw new Error(`${requests} calls are on record, where only the call afterwards reached a provider`);
  }
  return status;
}

async function askAll(stage: QuirkStage, quirk: Quirk, key: CreatedKey, model: string, play: Play): Promise<Got[]> {
  const { calls = { inARow: 1 }, leaves } = quirk;
  const once = () => (quirk.via === 'sdk' ? askWithSdk(stage, quirk, key, model) : ask(stage, quirk, key, model, play));
  if (leaves !== undefined) return leave(stage, quirk, key, model, play);
  if ('atOnce' in calls) return Promise.all(Array.from({ length: calls.atOnce }, once));
  const got: Got[] = [];
  for (let call = 0; call < calls.inARow; call++) got.push(await once());
  return got;
}

function open(stage: QuirkStage, quirk: Quirk, key: CreatedKey, model: string): CallUnderWay {
  return new CallUnderWay(stage.shape.gateways[0]!.url, rawCall(quirk, key.secret, model));
}

function ask(stage: QuirkStage, quirk: Quirk, key: CreatedKey, model: string, play: Play): Promise<Got> {
  const call = open(stage, quirk, key, model);
  call.watch((text) => play.heard(text));
  return call.ended;
}

/** Goes away at the moment the row names, and asks again where it says so. */
async function leave(stage: QuirkStage, quirk: Quirk, key: CreatedKey, model: string, play: Play): Promise<Got[]> {
  const call = open(stage, quirk, key, model);
  const { leaves } = quirk;
  if (typeof leaves === 'object' && 'having' in leaves) await call.until(leaves.having);
  else await play.request(typeof leaves === 'object' ? leaves.asked : 1);
  call.leave();
  play.note('left');
  play.open('left');
  const left = await call.ended;
  if (quirk.asksAgain === undefined) return [left];
  const again = await waitUntil(
    async () => {
      const got = await ask(stage, quirk, key, model, play);
      return ![402, 429].includes(got.reply.status) && got;
    },
    { what: 'the key to be of use again', timeoutMs: 60_000 },
  );
  play.note('served again');
  return [left, again];
}

/** Reads as the SDK's documentation does: a chunk without a choice is a TypeError. */
async function askWithSdk(stage: QuirkStage, quirk: Quirk, key: CreatedKey, model: string): Promise<Got> {
  const { stream = false, fields } = quirk.request ?? {};
  const client = stage.shape.client().openai(key.secret);
  const body = { model, messages: [{ role: 'user' as const, content: 'hi' }], ...fields };
  let content = '';
  try {
    if (stream)
      for await (const chunk of await client.chat.completions.create({ ...body, stream }))
        content += chunk.choices[0]!.delta.content ?? '';
    else content = (await client.chat.completions.create({ ...body, stream })).choices[0]!.message.content ?? '';
    return { reply: new Reply(200, {}, ''), complete: true, sdk: { content, thrown: null } };
  } catch (thrown) {
    if (!(thrown instanceof APIError) || thrown.status === undefined)
      return { reply: new Reply(200, {}, ''), complete: false, sdk: { content, thrown } };
    const headers = Object.fromEntries(thrown.headers ?? []);
    return {
      reply: new Reply(thrown.status as number, headers, JSON.stringify({ error: thrown.error as unknown })),
      complete: true,
      sdk: { content, thrown: null },
    };
  }
}

function rawCall(quirk: Quirk, secret: string, model: string): RawCall {
  const { method = 'POST', path = chatPath, headers } = quirk.request ?? {};
  const body = method === 'POST' || method === 'PUT' ? bodyOf(quirk, model) : undefined;
  const length: Record<string, string> =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  return { method, path, body, headers: { authorization: `Bearer ${secret}`, ...length, ...headers } };
}

function bodyOf({ request = {} }: Quirk, model: string): string | Uint8Array {
  const { stream, fields, body } = request;
  if (body !== undefined) return body(model);
  return JSON.stringify({
    model,
    messages: [{ role: 'user', content: 'hi' }],
    ...(stream !== undefined && { stream }),
    ...fields,
  });
}

function keyFields(quirk: Quirk, model: string): Readonly<Record<string, unknown>> {
  if (quirk.key !== 'covers one call') return quirk.key ?? {};
  // The bound of input: the body's bytes and 64 tokens more. The call afterwards has a body of its own.
  const inputMax = Math.max(Buffer.byteLength(bodyOf(quirk, model)), 100) + 64;
  const hold = BigInt(inputMax * tokenPrices.input + outputTokensMax * tokenPrices.output);
  return { credit_limit_usd: usd(hold + chargeMax(quirk.expect.usage)) };
}

/** What these tokens cost at most, in nano-USD. */
function chargeMax(usage: ExpectedUsage): bigint {
  if (typeof usage === 'string') return 0n;
  const { input, output, cached = 0 } = usage;
  return costOf(mostOf(input), mostOf(output), cached);
}

export function costOf(input: number, output: number, cached: number): bigint {
  return BigInt((input - cached) * tokenPrices.input + cached * tokenPrices.cached + output * tokenPrices.output);
}

const mostOf = (tokens: number | Range): number => (typeof tokens === 'number' ? tokens : tokens[1]);
