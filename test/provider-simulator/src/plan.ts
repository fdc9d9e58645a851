import type { Asked, DeclaredTool } from './asked.js';
import type { Behaviour } from './behaviour.js';
import { cut, plainContent, words } from './content.js';
import { sampleOf } from './json-sample.js';

/** A call of a tool, as it is to be sent. */
export interface PlannedCall {
  readonly name: string;
  readonly custom: boolean;
  /** JSON of the arguments; of a custom tool, text. */
  readonly input: string;
  /** The input in the pieces that a stream sends. */
  readonly pieces: readonly string[];
}

/** The tokens of all choices together. The parts are inside of the totals. */
export interface PlannedUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  /** The part of the written ones that is kept for an hour. */
  readonly cacheWrite1hTokens: number;
  readonly reasoningTokens: number;
  readonly webSearches: number;
}

/** Why an answer ends. */
type PlannedEnd = 'stop' | 'stop_sequence' | 'length' | 'tool_calls' | 'refusal';

/** Everything about an answer that is decided before its first byte, in the form that all dialects share. */
export interface Plan {
  /** The number of the request; ids are made of it. */
  readonly n: number;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  /** Every choice says the same. */
  readonly choices: number;
  /** What the model thinks first, in pieces; empty where it does not. */
  readonly thought: readonly string[];
  /** The text of one choice, in pieces. */
  readonly pieces: readonly string[];
  readonly calls: readonly PlannedCall[];
  readonly end: PlannedEnd;
  readonly stopSequence: string | null;
  readonly usage: PlannedUsage;
  readonly reportsUsage: boolean;
  readonly serviceTier: string | null;
  /** Named in the answer; undefined: not named. */
  readonly shownProvider?: string | undefined;
}

const REFUSAL = 'I cannot help with that.';
const CALLS_MAX = 16;

/** Decides the answer to the `n`th request. The same request gets the same content and usage. */
export function planAnswer(asked: Asked, behaviour: Behaviour, n: number, shownProvider?: string): Plan {
  const chunks = behaviour.chunks ?? 8;
  const thinks = behaviour.thinking_tokens ?? (asked.thinks ? 4 : 0);
  const wanted = behaviour.completion_tokens ?? 2 * chunks;
  const reasoning = Math.min(thinks, asked.outputTokensMax);
  const tokens = Math.min(wanted, asked.outputTokensMax - reasoning);
  const calls = behaviour.refusal === true ? [] : callsFor(asked, behaviour);
  const said = speak(asked, behaviour, { tokens, wanted, chunks: Math.min(chunks, tokens), calls: calls.length > 0 });
  const written = (behaviour.cache_write_tokens ?? 0) + (behaviour.cache_write_1h_tokens ?? 0);
  const cached = behaviour.cached_tokens ?? 0;
  return {
    n,
    created: Math.floor(Date.now() / 1000),
    model: asked.model,
    choices: asked.choices,
    thought: reasoning > 0 ? cut(words(reasoning), Math.min(2, reasoning)) : [],
    ...said,
    calls,
    usage: {
      promptTokens: Math.max(behaviour.prompt_tokens ?? asked.promptTokens, cached + written),
      completionTokens: (said.tokens + reasoning) * asked.choices,
      cachedTokens: cached,
      cacheWriteTokens: written,
      cacheWrite1hTokens: behaviour.cache_write_1h_tokens ?? 0,
      reasoningTokens: reasoning * asked.choices,
      webSearches: behaviour.web_searches ?? 0,
    },
    reportsUsage: behaviour.omit_usage !== true,
    serviceTier: behaviour.service_tier ?? null,
    shownProvider,
  };
}

interface Spoken {
  readonly pieces: readonly string[];
  readonly end: PlannedEnd;
  readonly stopSequence: string | null;
  readonly tokens: number;
}

/** The text of one choice: words, JSON or a refusal; nothing beside calls. */
function speak(
  asked: Asked,
  behaviour: Behaviour,
  { tokens, wanted, chunks, calls }: { tokens: number; wanted: number; chunks: number; calls: boolean },
): Spoken {
  const end = tokens < wanted ? 'length' : 'stop';
  if (behaviour.refusal === true)
    return { pieces: cut(REFUSAL, Math.max(chunks, 1)), end: 'refusal', stopSequence: null, tokens };
  if (calls) return { pieces: [], end: 'tool_calls', stopSequence: null, tokens };
  if (asked.format !== null && behaviour.content_bytes === undefined) {
    const json = JSON.stringify(sampleOf(asked.format));
    const shown = end === 'stop' ? json : json.slice(0, (json.length * tokens) / wanted);
    return { pieces: cut(shown, chunks), end, stopSequence: null, tokens };
  }
  const pieces = plainContent(tokens, chunks, behaviour.content_bytes);
  return stopped(pieces, asked.stop, chunks) ?? { pieces, end, stopSequence: null, tokens };
}

/** The text up to the first stop sequence in it; undefined where it has none. */
function stopped(pieces: readonly string[], stop: readonly string[], chunks: number): Spoken | undefined {
  if (stop.length === 0) return undefined;
  const text = pieces.join('');
  const [first] = stop
    .map((sequence) => ({ sequence, at: text.indexOf(sequence) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at);
  if (first === undefined) return undefined;
  const left = text.slice(0, first.at);
  const tokens = left === '' ? 0 : left.trimEnd().split(' ').length;
  return {
    pieces: left === '' ? [] : cut(left, Math.min(chunks, tokens)),
    end: 'stop_sequence',
    stopSequence: first.sequence,
    tokens,
  };
}

/**
 * The calls of an answer: as many as the behaviour says, one for each tool that the last turn names (`call NAME`), as
 * many as it asks for (`call 3 tools`, `call a tool`), or the one that the request forces.
 */
function callsFor(asked: Asked, { tool_calls: told }: Behaviour): PlannedCall[] {
  const { tools, toolChoice, parallel } = asked;
  if (tools.length === 0 || toolChoice === 'none') return [];
  const forced = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  const chosen = told === undefined ? namedIn(asked.lastText, forced) : Array.from({ length: told }, cycling(forced));
  if (chosen.length === 0 && told === undefined && toolChoice !== 'auto') chosen.push(...forced.slice(0, 1));
  return chosen.slice(0, parallel ? CALLS_MAX : 1).map(planCall);
}

function namedIn(text: string, tools: readonly DeclaredTool[]): DeclaredTool[] {
  const count = /\bcall (a|the|\d+) tools?\b/i.exec(text)?.[1];
  if (count !== undefined) return Array.from({ length: Number.parseInt(count, 10) || 1 }, cycling(tools));
  return tools.filter(({ name }) => text.includes(`call ${name}`));
}

function cycling(tools: readonly DeclaredTool[]): (_: unknown, i: number) => DeclaredTool {
  return (_, i) => tools[i % tools.length] as DeclaredTool;
}

function planCall({ name, custom, schema }: DeclaredTool): PlannedCall {
  const input = custom ? words(4) : JSON.stringify(schema === undefined ? {} : sampleOf(schema));
  return { name, custom, input, pieces: input === '{}' ? [] : cut(input, Math.min(3, input.length)) };
}
