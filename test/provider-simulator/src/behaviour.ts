import { z } from 'zod';

/**
 * How the simulator breaks off a request. `error_mid_stream` is the error event of the dialect, and of a plain answer
 * an error; `end_mid_stream` ends a stream in the middle of an event, and a plain answer in the middle of its JSON, as
 * if it were whole; `html` answers 200 with a page; `context_length` refuses the request as too long for the model.
 */
export type Failure =
  | 'reset_before_first_byte'
  | 'reset_mid_stream'
  | 'error_mid_stream'
  | 'end_mid_stream'
  | 'html'
  | 'hang'
  | 'context_length';

/** How one request is to be answered. Whatever is absent has its default; `{}` is a well-behaved provider. */
export interface Behaviour {
  /** Milliseconds before the first byte of the answer, refusals included. Default 0. */
  delay_ms?: number;
  /** Milliseconds between two content chunks of a stream. Default 0. */
  chunk_interval_ms?: number;
  /** Content chunks per choice, at most one for each completion token. Default 8. */
  chunks?: number;
  /** Completion tokens per choice, without thoughts, before `max_tokens` caps them. Default twice `chunks`. */
  completion_tokens?: number;
  /** Prompt tokens reported, cached and written ones included. Default: bytes of the body ÷ 4, rounded up. */
  prompt_tokens?: number;
  /** Prompt tokens that were read from a cache. Default 0. */
  cached_tokens?: number;
  /** Prompt tokens that were written to a cache for five minutes. Default 0. */
  cache_write_tokens?: number;
  /** Prompt tokens that were written to a cache for an hour. Default 0. */
  cache_write_1h_tokens?: number;
  /** Tokens of thoughts per choice, before the answer. Default 4 where the request asks the model to think, else 0. */
  thinking_tokens?: number;
  /** Calls of the tools that the request declares, the first one first. Default: as the prompt asks. */
  tool_calls?: number;
  /** Searches that the provider itself made for the answer. Default 0. */
  web_searches?: number;
  /** Answer with a refusal. */
  refusal?: boolean;
  /** The tier that the answer names. */
  service_tier?: string;
  /** Exact bytes of content per choice. Default: one numbered word per completion token. */
  content_bytes?: number;
  /** Answer with this status and the error shape of the dialect. Excludes `fail`. */
  fail_status?: number;
  /** With `fail_status`: the header `retry-after-ms`, beside `retry-after`. */
  retry_after_ms?: number;
  fail?: Failure;
  /** With a failure in mid-stream: content chunks sent before it, over all choices. Default 1. */
  fail_after_chunks?: number;
  /** Report no usage, asked for or not. */
  omit_usage?: boolean;
}

/** The behaviour of every request that brings none of its own. */
export interface StandingBehaviour extends Behaviour {
  /** Only the next N such requests behave so; those after them get the default. */
  first_n?: number;
}

export type Checked<T> = { kind: 'valid'; behaviour: T } | { kind: 'invalid'; problems: string[] };

// The bounds only keep a slip of the pen from filling the memory of the machine.
const upTo = (most: number, least = 0) => z.int().min(least).max(most).optional();
const fields = {
  delay_ms: upTo(600_000),
  chunk_interval_ms: upTo(60_000),
  chunks: upTo(100_000),
  completion_tokens: upTo(1_000_000),
  prompt_tokens: upTo(1_000_000_000),
  cached_tokens: upTo(1_000_000_000),
  cache_write_tokens: upTo(1_000_000_000),
  cache_write_1h_tokens: upTo(1_000_000_000),
  thinking_tokens: upTo(1_000_000),
  tool_calls: upTo(16),
  web_searches: upTo(100),
  refusal: z.boolean().optional(),
  service_tier: z.string().max(64).optional(),
  content_bytes: upTo(64 * 1024 * 1024),
  fail_status: upTo(599, 400),
  retry_after_ms: upTo(600_000),
  fail: z
    .enum([
      'reset_before_first_byte',
      'reset_mid_stream',
      'error_mid_stream',
      'end_mid_stream',
      'html',
      'hang',
      'context_length',
    ])
    .optional(),
  fail_after_chunks: upTo(100_000),
  omit_usage: z.boolean().optional(),
};

const noContradiction = (behaviour: Behaviour): boolean =>
  (behaviour.fail === undefined || behaviour.fail_status === undefined) &&
  (behaviour.retry_after_ms === undefined || behaviour.fail_status !== undefined) &&
  (behaviour.fail_after_chunks === undefined || behaviour.fail?.endsWith('_mid_stream') === true);
const contradiction =
  'fail excludes fail_status; retry_after_ms needs fail_status; fail_after_chunks needs a failure in mid-stream';

const ofOneRequest = z.strictObject(fields).refine(noContradiction, contradiction);
const standing = z.strictObject({ ...fields, first_n: upTo(1_000_000_000, 1) }).refine(noContradiction, contradiction);

/** Checks a behaviour that a request brings with it; unknown fields are refused. */
export function checkBehaviour(value: unknown): Checked<Behaviour> {
  return check<Behaviour>(ofOneRequest, value);
}

/** Checks a standing behaviour; unknown fields are refused. */
export function checkStandingBehaviour(value: unknown): Checked<StandingBehaviour> {
  return check<StandingBehaviour>(standing, value);
}

function check<T>(schema: z.ZodType<T>, value: unknown): Checked<T> {
  const result = schema.safeParse(value);
  if (result.success) return { kind: 'valid', behaviour: result.data };
  return {
    kind: 'invalid',
    problems: result.error.issues.map((issue) => `${issue.path.join('.') || 'behaviour'}: ${issue.message}`),
  };
}

/**
 * The behaviour written into a model name as a query string, unchecked: `gpt-4o-mini?fail_status=500&delay_ms=20`.
 * Undefined for a name without `?`.
 */
export function behaviourInModel(model: string): Record<string, unknown> | undefined {
  const mark = model.indexOf('?');
  if (mark < 0) return undefined;
  const pairs = [...new URLSearchParams(model.slice(mark + 1))];
  return Object.fromEntries(pairs.map(([name, text]) => [name, scalar(text)]));
}

function scalar(text: string): unknown {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}
