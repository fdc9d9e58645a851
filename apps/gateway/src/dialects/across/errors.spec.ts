import type { ErrorKind } from '@tollgate/conversation';
import { sealedIdsFrom } from '@tollgate/sealing';
import { describe, expect, it } from 'vitest';
import { InjectedFields } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import type { Routed } from '../../request-path/exchange/exchange.js';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import { anthropicMessages } from '../anthropic-messages/anthropic-messages.js';
import type { Dialect } from '../dialect.js';
import { inference } from '../inference/inference.js';
import { openAiChat } from '../openai-chat/openai-chat.js';
import { openAiResponses } from '../openai-responses/openai-responses.js';
import type { Translation } from './translation.js';
import { translator } from './translator.js';

const SEALED_IDS = sealedIdsFrom({ pepper: 'the pepper of the test' });

type Fields = Record<string, unknown>;

const TOO_LONG = {
  openAi: "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
  anthropic: 'prompt is too long: 210000 tokens > 200000 maximum',
};
/** How OpenAI and Anthropic write each kind of error: the status, and the content of `error`. */
const ERRORS: Readonly<
  Record<ErrorKind, readonly [openAi: readonly [number, Fields], anthropic: readonly [number, Fields]]>
> = {
  context_length: [
    [
      400,
      { message: TOO_LONG.openAi, type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' },
    ],
    [400, { type: 'invalid_request_error', message: TOO_LONG.anthropic }],
  ],
  content_filter: [
    [400, { message: 'No.', type: 'invalid_request_error', code: 'content_policy_violation' }],
    [400, { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' }],
  ],
  request_too_large: [
    [413, { message: 'No.', type: 'invalid_request_error', code: 'request_too_large' }],
    [413, { type: 'request_too_large', message: 'No.' }],
  ],
  model_not_found: [
    [404, { message: 'The model `m` does not exist', type: 'invalid_request_error', code: 'model_not_found' }],
    [404, { type: 'not_found_error', message: 'model: m' }],
  ],
  rate_limit: [
    [429, { message: 'No.', type: 'requests', code: 'rate_limit_exceeded' }],
    [429, { type: 'rate_limit_error', message: 'No.' }],
  ],
  overloaded: [
    [503, { message: 'No.', type: 'service_unavailable_error', code: 'server_is_overloaded' }],
    [529, { type: 'overloaded_error', message: 'No.' }],
  ],
  quota: [
    [429, { message: 'No.', type: 'insufficient_quota', code: 'insufficient_quota' }],
    [400, { type: 'invalid_request_error', message: 'Your credit balance is too low to access the Anthropic API.' }],
  ],
  authentication: [
    [401, { message: 'No.', type: 'invalid_request_error', code: 'invalid_api_key' }],
    [401, { type: 'authentication_error', message: 'No.' }],
  ],
  permission: [
    [403, { message: 'No.', type: 'permission_error', code: null }],
    [403, { type: 'permission_error', message: 'No.' }],
  ],
  timeout: [
    [504, { message: 'No.', type: 'timeout_error', code: null }],
    [504, { type: 'timeout_error', message: 'No.' }],
  ],
};
const KINDS = Object.keys(ERRORS) as ErrorKind[];
/** Kinds that concern the request, so that the caller is told them; the others are failures of the provider. */
const OF_REQUEST = ['context_length', 'content_filter', 'request_too_large', 'model_not_found'] as const;

/** What clients of each dialect find in an error: `type`, `code` in a plain one and in a stream, and a phrase. */
interface Told {
  readonly type: string | undefined;
  readonly plain: string | undefined;
  readonly streamed: string | undefined;
  readonly phrase?: RegExp;
}
const told = (type: string, plain: string, streamed = plain, phrase?: RegExp): Told => ({
  type,
  plain,
  streamed,
  ...(phrase !== undefined && { phrase }),
});
const ofAnthropic = (type: string, phrase?: RegExp): Told => ({
  type,
  plain: undefined,
  streamed: undefined,
  ...(phrase !== undefined && { phrase }),
});
const WINDOW = /maximum context length/;
const CHAT: Readonly<Record<ErrorKind, Told>> = {
  context_length: told('invalid_request_error', 'context_length_exceeded', 'context_length_exceeded', WINDOW),
  content_filter: told('invalid_request_error', 'content_policy_violation'),
  request_too_large: told('invalid_request_error', 'body_too_large'),
  model_not_found: told('invalid_request_error', 'model_not_found'),
  rate_limit: told('rate_limit_error', 'provider_overloaded', 'rate_limit_exceeded'),
  overloaded: told('server_error', 'server_is_overloaded'),
  quota: told('insufficient_quota', 'provider_failed', 'insufficient_quota'),
  authentication: told('invalid_request_error', 'provider_failed', 'invalid_api_key'),
  permission: told('permission_error', 'provider_failed', 'access_denied'),
  timeout: told('server_error', 'provider_timeout'),
};
const RESPONSES: Readonly<Record<ErrorKind, Told>> = {
  ...CHAT,
  content_filter: told('invalid_request_error', 'invalid_prompt'),
  overloaded: told('server_error', 'server_is_overloaded', 'server_error'),
  timeout: told('server_error', 'provider_timeout', 'server_error'),
};
const MESSAGES: Readonly<Record<ErrorKind, Told>> = {
  context_length: ofAnthropic('invalid_request_error', /^prompt is too long: \d+ tokens > \d+ maximum$/),
  content_filter: ofAnthropic('invalid_request_error', /content filtering policy/),
  request_too_large: ofAnthropic('request_too_large'),
  model_not_found: ofAnthropic('not_found_error'),
  rate_limit: ofAnthropic('rate_limit_error'),
  overloaded: ofAnthropic('overloaded_error'),
  quota: ofAnthropic('billing_error'),
  authentication: ofAnthropic('authentication_error'),
  permission: ofAnthropic('permission_error'),
  timeout: ofAnthropic('timeout_error'),
};

interface Caller {
  readonly dialect: Dialect;
  readonly request: Fields;
  readonly told: Readonly<Record<ErrorKind, Told>>;
  /** The error in the last event of a stream. */
  errorIn(event: { readonly name: string; readonly data: Fields }): Fields;
}
const errorOf = ({ data }: { readonly data: Fields }): Fields => data['error'] as Fields;
const CALLERS: readonly Caller[] = [
  {
    dialect: openAiChat,
    request: { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
    told: CHAT,
    errorIn: errorOf,
  },
  {
    dialect: openAiResponses,
    request: { model: 'm', input: 'Hi' },
    told: RESPONSES,
    errorIn: ({ name, data }) => {
      expect([name, data['type']]).toEqual(['response.failed', 'response.failed']);
      return (data['response'] as Fields)['error'] as Fields;
    },
  },
  {
    dialect: anthropicMessages,
    request: { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] },
    told: MESSAGES,
    errorIn: ({ name, data }) => {
      expect([name, data['type']]).toEqual(['error', 'error']);
      return errorOf({ data });
    },
  },
  {
    dialect: inference,
    request: { model: 'm', prompt: 'Hi' },
    told: CHAT,
    errorIn: ({ name, data }) => {
      expect(name).toBe('error');
      return errorOf({ data });
    },
  },
];

interface Provider {
  readonly dialect: Dialect;
  readonly model: string;
  /** The index of its maker in `ERRORS`. */
  readonly maker: 0 | 1;
  /** The beginning of a stream, with text in it. */
  readonly opening: readonly Fields[];
  /** The event that tells an error in mid-stream. */
  failure(error: Fields): Fields;
}
const PROVIDERS: readonly Provider[] = [
  {
    dialect: openAiChat,
    model: 'gpt-4o',
    maker: 0,
    opening: [{ id: 'c', model: 'gpt-4o', choices: [{ index: 0, delta: { role: 'assistant', content: 'Hi' } }] }],
    failure: (error) => ({ error }),
  },
  {
    dialect: openAiResponses,
    model: 'gpt-4o',
    maker: 0,
    opening: [
      { type: 'response.created', response: { id: 'resp_12345', model: 'gpt-4o', status: 'in_progress', output: [] } },
      { type: 'response.output_text.delta', output_index: 0, content_index: 0, item_id: 'm', delta: 'Hi' },
    ],
    failure: ({ code, type, message }) => ({
      type: 'response.failed',
      response: { id: 'resp_12345', status: 'failed', error: { code: code ?? type, message } },
    }),
  },
  {
    dialect: anthropicMessages,
    model: 'claude-sonnet-4-5',
    maker: 1,
    opening: [
      {
        type: 'message_start',
        message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 1, output_tokens: 1 } },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hi' } },
    ],
    failure: (error) => ({ type: 'error', error }),
  },
];

const PAIRS = CALLERS.flatMap((caller) =>
  PROVIDERS.filter(({ dialect }) => dialect !== caller.dialect).map((provider) => ({
    caller,
    provider,
    name: `${provider.dialect.name} for a client of ${caller.dialect.name}`,
  })),
);

function translationOf({ dialect, request }: Caller, provider: Provider, stream: boolean): Translation {
  const body = Buffer.from(JSON.stringify({ ...request, ...(stream && { stream }) }));
  const target = {
    model: provider.model,
    price: { maxOutputTokens: 100 },
    provider: {
      dialects: new Set([provider.dialect.name]),
      injectedFields: new InjectedFields({ ceilingField: 'max_completion_tokens', streamOptions: true }),
    },
  } as unknown as Target;
  const exchange = {
    ask: { body, model: 'm', inputTokensEstimate: 7, omitted: [] },
    errors: dialect.errors,
    requestId: '0198-aa',
    startedAtMs: 1_000,
  } as unknown as Routed;
  const translation = translator(dialect, exchange, SEALED_IDS)(target);
  if (translation === null || isRefusal(translation)) throw new Error(JSON.stringify(translation));
  return translation;
}

describe.each(PAIRS)('an error of $name', ({ caller, provider }) => {
  it.each(OF_REQUEST)('is told as such clients know it: %s', (kind) => {
    const [status, error] = ERRORS[kind][provider.maker];
    const body = Buffer.from(JSON.stringify({ type: 'error', error }));
    const reply = translationOf(caller, provider, false).errorFor(status, body);
    const { type, plain, phrase = /./ } = caller.told[kind];
    expect(reply.status).toBe(status);
    const shown = errorOf({ data: JSON.parse(reply.body.toString()) as Fields });
    expect([shown['type'], shown['code']]).toEqual([type, plain]);
    expect(shown['message']).toMatch(phrase);
  });

  it('has the status that clients act on, whatever the provider sent', () => {
    const body = Buffer.from(JSON.stringify({ error: { message: TOO_LONG.openAi } }));
    expect(translationOf(caller, provider, false).errorFor(422, body).status).toBe(400);
  });

  it('that is too long is the whole of a stream where such clients look for it in one', () => {
    const [status, error] = ERRORS.context_length[provider.maker];
    const reply = translationOf(caller, provider, true).errorFor(status, Buffer.from(JSON.stringify({ error })));
    if (caller.dialect !== openAiResponses) {
      expect(reply).toMatchObject({ status: 400, contentType: 'application/json' });
      return;
    }
    expect(reply).toMatchObject({ status: 200, contentType: 'text/event-stream' });
    const events = reply.body.toString().trimEnd().split('\n\n');
    expect(events.map((event) => event.split('\n')[0])).toEqual([
      'event: response.created',
      'event: response.in_progress',
      'event: response.failed',
    ]);
    expect(events[2]).toMatch(
      /"error":\{"code":"context_length_exceeded","message":"This model's maximum context length is/,
    );
  });

  it('that has no kind keeps its status and its words', () => {
    const body = Buffer.from(JSON.stringify({ error: { message: 'The image is too large.' } }));
    const reply = translationOf(caller, provider, false).errorFor(422, body);
    expect([reply.status, errorOf({ data: JSON.parse(reply.body.toString()) as Fields })]).toEqual([
      422,
      expect.objectContaining({ type: 'invalid_request_error', message: 'The image is too large.' }),
    ]);
  });

  it.each(KINDS)('ends a stream as such clients know it: %s', (kind) => {
    const reader = translationOf(caller, provider, true).readStream(null);
    const events = [...provider.opening, provider.failure(ERRORS[kind][provider.maker][1])];
    const texts = events.map((data) => {
      const name = typeof data['type'] === 'string' ? `event: ${data['type']}\n` : '';
      const part = reader.take(Buffer.from(`${name}data: ${JSON.stringify(data)}\n\n`));
      return part.events + part.tail;
    });
    expect(reader.opened && reader.error !== null).toBe(true);
    const last = texts.join('').trimEnd().split('\n\n').at(-1)!;
    const { type, streamed, phrase = /./ } = caller.told[kind];
    const error = caller.errorIn({
      name: /^event: (.*)$/m.exec(last)?.[1] ?? '',
      data: JSON.parse(/^data: (.*)$/m.exec(last)?.[1] ?? 'null') as Fields,
    });
    expect([error['code'], error['type']]).toEqual([streamed, caller.dialect === openAiResponses ? undefined : type]);
    expect(error['message']).toMatch(phrase);
  });
});
