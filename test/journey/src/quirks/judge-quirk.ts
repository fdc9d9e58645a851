import { expect } from 'vitest';
import { contentOfData, eventData } from '../kit/event-stream.js';
import { nanoUsd, usd } from '../kit/prices.js';
import type { Played, Got } from './play-quirk.js';
import { costOf } from './play-quirk.js';
import type { Expected, ExpectedUsage, Quirk, Range } from './quirk.js';

/** Holds what came of a row against what it says. */
export function judgeQuirk(quirk: Quirk, played: Played): void {
  const expected = quirk.expect;
  const { got, play } = played;
  expect(play.missed, 'what the provider waited for in vain until the client had it').toEqual([]);
  for (const each of quirk.leaves === undefined ? got : got.slice(1)) judgeReply(quirk, each);
  if (expected.usage !== 'either')
    expect(play.requests.length, 'requests that the provider got').toBe(
      expected.asked ?? (expected.usage === 'no event' ? 0 : got.length),
    );
  judgeSent(expected, played);
  judgeUsage(expected.usage, played);
  if (quirk.asksAgain === 'before the provider is hung up on')
    expect(before(play.log, 'served again', 'closed 1'), `first served, then closed: ${play.log.join(', ')}`).toBe(
      true,
    );
  if (expected.logged) for (const { reply } of got) expect(played.output(), 'the log').toContain(reply.requestId);
  if (played.afterwards !== null)
    expect(played.afterwards, 'the status of a call afterwards, for which no hold may be in the way').toBe(200);
}

function judgeReply(quirk: Quirk, got: Got): void {
  const { expect: expected, request = {} } = quirk;
  const { reply, sdk } = got;
  const told = `it said ${JSON.stringify(reply.text.slice(0, 200))}`;
  expect([expected.status].flat(), `the status; ${told}`).toContain(reply.status);
  if (expected.code !== undefined)
    expect(reply.json<{ error?: { code?: unknown } }>().error?.code, told).toBe(expected.code);
  for (const [name, value] of Object.entries(expected.headers ?? {})) judgeHeader(name, reply.header(name), value);
  if (sdk !== undefined) {
    if (expected.sdkThrows === undefined) expect(sdk.thrown, 'what the SDK threw').toBeNull();
    else expect(String(sdk.thrown), 'what the SDK threw').toContain(expected.sdkThrows);
    if (expected.sdkThrows !== undefined) expect(sdk.thrown, 'what the SDK threw').toBeInstanceOf(Error);
    if (expected.content !== undefined) expect(sdk.content).toBe(expected.content);
    return;
  }
  expect(got.complete, 'whether the reply ended as HTTP has it').toBe(true);
  if (expected.body !== undefined) expect(reply.json()).toMatchObject(expected.body);
  if (expected.holds !== undefined) expect(reply.text).toContain(expected.holds);
  if (expected.lacks !== undefined) expect(reply.text).not.toContain(expected.lacks);
  if (request.stream === true && reply.status < 300) judgeStream(quirk, got);
  else if (expected.content !== undefined)
    expect(reply.json<{ choices: { message: { content: string } }[] }>().choices[0]!.message.content).toBe(
      expected.content,
    );
}

function judgeHeader(name: string, value: string | undefined, expected: string | RegExp | null): void {
  if (expected === null) expect(value, name).toBeUndefined();
  else expect(value, name).toEqual(expected instanceof RegExp ? expect.stringMatching(expected) : expected);
}

function judgeStream({ expect: expected, request = {} }: Quirk, { reply }: Got): void {
  const data = eventData(reply.text);
  const told = `it ended with ${JSON.stringify(reply.text.slice(-300))}`;
  expect(reply.header('content-type'), 'the media type of a stream').toMatch(/^text\/event-stream/i);
  if (expected.content !== undefined) expect(contentOfData(data), told).toBe(expected.content);
  if (expected.data !== undefined) expect(data).toEqual(expected.data);
  if (expected.ends === '[DONE]') expect(data.at(-1)?.trim(), told).toBe('[DONE]');
  else if (expected.ends !== undefined) expect(expected.ends, told).toContain(errorCodeOf(data.at(-1)));
  const asksForUsage =
    (request.fields?.['stream_options'] as { include_usage?: unknown } | undefined)?.include_usage === true;
  if (!asksForUsage)
    expect(data.filter(isUsageAlone), 'chunks of usage in a stream that was started without').toEqual([]);
}

function errorCodeOf(data = ''): unknown {
  try {
    return (JSON.parse(data) as { error?: { code?: unknown } }).error?.code;
  } catch {
    return undefined;
  }
}

/** What exists only because usage was asked for: a report, and no choice. */
function isUsageAlone(data: string): boolean {
  try {
    const { usage = null, choices } = JSON.parse(data) as { usage?: unknown; choices?: unknown[] | null };
    return usage !== null && (choices ?? []).length === 0;
  } catch {
    return false;
  }
}

function judgeSent({ sent, sentHeaders }: Expected, { play }: Played): void {
  const last = play.requests.at(-1);
  if (sent !== undefined) {
    const body = JSON.parse(last!.body.toString('utf8')) as Record<string, unknown>;
    for (const [field, value] of Object.entries(sent))
      expect(body[field], `${field}, as the provider got it`).toEqual(value);
  }
  if (sentHeaders !== undefined) expect(last!.headers).toMatchObject(sentHeaders);
}

function judgeUsage(expected: ExpectedUsage, { usage, got }: Played): void {
  if (expected === 'either') return;
  if (expected === 'no event') return expect(usage.requests, 'calls on record').toBe(0);
  expect(usage.requests, 'calls on record').toBe(got.length);
  if (expected === 'nothing')
    return expect(usage, 'what was charged').toEqual({
      requests: got.length,
      input_tokens: 0,
      output_tokens: 0,
      cost_usd: '0',
    });
  judgeTokens('input tokens', usage.input_tokens, expected.input);
  judgeTokens('output tokens', usage.output_tokens, expected.output);
  const cost = costOf(usage.input_tokens, usage.output_tokens, expected.cached ?? 0);
  if (expected.inVain) expect(usage.cost_usd, 'what was charged').toBe('0');
  else if (expected.atHold) expect(nanoUsd(usage.cost_usd), 'what was charged').toBeLessThanOrEqual(cost);
  else expect(usage.cost_usd, 'the cost of these tokens').toBe(usd(cost));
}

function judgeTokens(what: string, tokens: number, expected: number | Range): void {
  if (typeof expected === 'number') return expect(tokens, what).toBe(expected);
  expect(tokens, what).toBeGreaterThanOrEqual(expected[0]);
  expect(tokens, what).toBeLessThanOrEqual(expected[1]);
}

function before(log: readonly string[], first: string, second: string): boolean {
  const [at, then] = [log.indexOf(first), log.indexOf(second)];
  return at >= 0 && (then < 0 || at < then);
}
