import { apartSide, cacheWritesIn, inputApartIn } from './cache-writes.js';
import { mergeReports } from './merge-reports.js';
import { passesIn, servedModelIn } from './passes.js';
import type { ToolName } from './built-in-tools.js';
import { capped, fieldsOf, tokens, TOKENS_MAX, wordIn, type Fields } from './report-fields.js';
import { NO_DETAILS, type TokenUsage } from './token-usage.js';
import { isEmpty, toolCallsIn, toolCallsOfItems } from './tool-calls.js';
import {
  isNothing,
  NO_BESIDES,
  reportOf,
  withBesides,
  type Besides,
  type InputSide,
  type OutputSide,
  type UsageReport,
} from './usage-report.js';

type Sides = readonly [input: number | null, output: number | null];

/**
 * Words of the usual tier and speed, of requests that leave the choice to the provider, and of capacity that was paid
 * for beforehand.
 */
const USUAL: ReadonlySet<string> = new Set([
  ...['default', 'standard', 'standard_only', 'auto', 'on_demand'],
  ...['scale', 'reserved'],
]);
const ANYWHERE: ReadonlySet<string> = new Set(['global', 'not_available', 'default']);

/**
 * Reads one `usage` value in any known provider's form. Null if it tells nothing. Never throws.
 *
 * The forms differ as follows:
 * - A side has OpenAI's name or Anthropic's. Relays that know both send a zero under the name they do not use.
 * - Reasoning is part of `completion_tokens` (OpenAI, DeepSeek) or is added to it (xAI, Gemini). The total tells
 *   which: output is the total minus the input. If there is no total, or one that is less than the sum of the sides,
 *   the details decide: reasoning that is larger than `completion_tokens` is not part of it.
 * - Cached input is part of `prompt_tokens` (OpenAI and compatible providers) or is added to `input_tokens`
 *   (Anthropic). Under OpenAI's name it is added only if the total, or its size, allows no other reading.
 * - So is input that was written to a cache: part of OpenAI's totals, beside Anthropic's.
 * - Mistral's models of sound leave the sound out of `prompt_tokens`: it is the rest of the total.
 * - Anthropic's totals leave out whole passes, which its `iterations` have.
 */
export function readUsage(usage: unknown): UsageReport | null {
  const fields = fieldsOf(usage);
  const prompt = fields['prompt_tokens'];
  const completion = fields['completion_tokens'];
  // OpenAI's own form, with a total that fits: nothing has to be added.
  if (isTold(prompt) && isTold(completion) && fields['total_tokens'] === prompt + completion && !isOfSearch(fields)) {
    if (
      cachedIn(fields) + cacheWritesIn(fields).all <= prompt &&
      (tokens(fields['input_tokens']) ?? 0) <= prompt &&
      (tokens(fields['output_tokens']) ?? 0) <= completion
    )
      return reportOf(inputSide(fields, prompt), outputSide(fields, completion), besidesIn(fields));
  }
  if (isApart(fields)) {
    const apart = inputApartIn(fields);
    const output = outputOf(fields, 0, tokens(fields['output_tokens']), null);
    return reportOf(apartSide(apart), sideOf(fields, output, outputSide), besidesIn(fields), apart);
  }
  const [input, output] = isOfSearch(fields) ? sidesOfSearch(fields) : sidesOf(fields);
  return reportOf(sideOf(fields, input, inputSide), sideOf(fields, output, outputSide), besidesIn(fields));
}

/**
 * The report in a parsed document, which is a plain reply or one event of a stream; null if there is none. It can be at
 * the top level, in `x_groq` (Groq's streams), in a choice (Kimi's streams), in the `message` of Anthropic's first
 * event or in the `response` of OpenAI's Responses. Several reports are merged, so that zeros in one place do not hide
 * a report in another. The tier that OpenAI names beside its report, and the calls of tools among the items of
 * Responses, are part of the report.
 */
export function reportIn(document: unknown): UsageReport | null {
  const fields = fieldsOf(document);
  let report = mergeReports(readUsage(fields['usage']), readUsage(fieldsOf(fields['x_groq'])['usage']));
  const choices: readonly unknown[] = Array.isArray(fields['choices']) ? fields['choices'] : [];
  for (const choice of choices) report = mergeReports(report, readUsage(fieldsOf(choice)['usage']));
  for (const name of ['message', 'response']) {
    const inner = fields[name];
    if (typeof inner === 'object' && inner !== null) report = mergeReports(report, ofDocument(inner));
  }
  return withServed(report, fields);
}

/** The report in the document that an event carries. */
function ofDocument(inner: object): UsageReport | null {
  const fields = fieldsOf(inner);
  return withServed(readUsage(fields['usage']), fields);
}

/** Adds the tier that the document of a report names beside it. The report is the same if that is the usual one. */
export function withServiceTier(report: UsageReport, tier: unknown): UsageReport {
  const serviceTier = wordIn(tier, USUAL);
  return serviceTier === null ? report : withBesides(report, { ...NO_BESIDES, serviceTier });
}

/**
 * A usage of which the provider has not said how the call was served, as served in these modes: null for one that is
 * not known. The usual ones change nothing, and neither do words that no provider would use.
 */
export function servedIn(
  usage: TokenUsage,
  modes: { readonly serviceTier: string | null; readonly speed: string | null; readonly inferenceGeo: string | null },
): TokenUsage {
  const { details = NO_DETAILS } = usage;
  const serviceTier = details.serviceTier ?? wordIn(modes.serviceTier, USUAL);
  const speed = details.speed ?? wordIn(modes.speed, USUAL);
  const inferenceGeo = details.inferenceGeo ?? wordIn(modes.inferenceGeo, ANYWHERE);
  if (serviceTier === null && speed === null && inferenceGeo === null) return usage;
  return { ...usage, details: { ...details, serviceTier, speed, inferenceGeo } };
}

/** A usage with a call of a tool that its report does not count. */
export function withToolCall(usage: TokenUsage, tool: ToolName): TokenUsage {
  const { details = NO_DETAILS } = usage;
  if ((details.toolCalls[tool] ?? 0) > 0) return usage;
  return { ...usage, details: { ...details, toolCalls: { ...details.toolCalls, [tool]: 1 } } };
}

/** Adds what stands beside a report, in the document that has it: the tier that served, and calls of built-in tools. */
function withServed(report: UsageReport | null, document: Fields): UsageReport | null {
  if (report === null) return null;
  const serviceTier = wordIn(document['service_tier'], USUAL);
  const toolCalls = toolCallsOfItems(document['output']);
  if (serviceTier === null && isEmpty(toolCalls)) return report;
  return withBesides(report, { ...NO_BESIDES, serviceTier, toolCalls });
}

function sideOf<Side>(
  fields: Fields,
  total: number | null,
  make: (fields: Fields, total: number) => Side,
): Side | null {
  return total === null ? null : make(fields, total);
}

/** Divides the input. What was read from a cache comes first, then what was written to one, then the rest by kind. */
function inputSide(fields: Fields, total: number): InputSide {
  const cached = Math.min(cachedIn(fields), total);
  const ofPrompt = fieldsOf(fields['prompt_tokens_details']);
  const ofInput = fieldsOf(fields['input_tokens_details']);
  const writes = cacheWritesIn(fields);
  let left = total - cached;
  const cacheWrite1h = Math.min(writes.for1h, left);
  left -= cacheWrite1h;
  const cacheWrite5m = Math.min(writes.all - writes.for1h, left);
  left -= cacheWrite5m;
  const told = Math.max(tokens(ofPrompt['audio_tokens']) ?? 0, tokens(ofInput['audio_tokens']) ?? 0);
  const heard = told > 0 ? told : soundIn(fields);
  const seen = Math.max(tokens(ofPrompt['image_tokens']) ?? 0, tokens(ofInput['image_tokens']) ?? 0);
  if (heard === 0 && seen === 0)
    return { tokens: total, cached, cachedAudio: 0, cacheWrite5m, cacheWrite1h, audio: 0, image: 0 };
  const toldCached = Math.max(cachedAudioIn(ofPrompt), cachedAudioIn(ofInput));
  // Sound that was read from a cache is part of both numbers, and few providers say how much of it there was.
  const audio = Math.min(Math.max(heard - toldCached, 0), left);
  const cachedAudio = Math.min(Math.max(toldCached, heard - audio), cached);
  return {
    tokens: total,
    cached,
    cachedAudio,
    cacheWrite5m,
    cacheWrite1h,
    audio,
    image: Math.min(seen, left - audio),
  };
}

function cachedAudioIn(details: Fields): number {
  return tokens(fieldsOf(details['cached_tokens_details'])['audio_tokens']) ?? 0;
}

function outputSide(fields: Fields, total: number): OutputSide {
  const ofCompletion = fieldsOf(fields['completion_tokens_details']);
  const ofOutput = fieldsOf(fields['output_tokens_details']);
  const reasoning = Math.min(reasoningIn(fields), total);
  const said = Math.max(tokens(ofCompletion['audio_tokens']) ?? 0, tokens(ofOutput['audio_tokens']) ?? 0);
  const drawn = Math.max(tokens(ofCompletion['image_tokens']) ?? 0, tokens(ofOutput['image_tokens']) ?? 0);
  const audio = Math.min(said, total - reasoning);
  return { tokens: total, reasoning, audio, image: Math.min(drawn, total - reasoning - audio) };
}

/** What a report says besides its sides; null for nothing, as in most reports. */
function besidesIn(fields: Fields): Besides | null {
  const iterations = fields['iterations'];
  const besides: Besides = {
    toolCalls: toolCallsIn(fields),
    passes: passesIn(iterations, readPass),
    serviceTier: wordIn(fields['service_tier'], USUAL),
    speed: wordIn(fields['speed'], USUAL),
    inferenceGeo: wordIn(fields['inference_geo'], ANYWHERE),
    servedModel: servedModelIn(iterations),
  };
  return isNothing(besides) ? null : besides;
}

function readPass(iteration: unknown): TokenUsage | null {
  const { iterations: _none, ...fields } = fieldsOf(iteration);
  const report = readUsage(fields);
  if (report === null) return null;
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, details } = report;
  return {
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    cachedInputTokens,
    reasoningTokens,
    ...(details !== undefined && { details }),
  };
}

/**
 * Whether a report is in Anthropic's own form, in which no field of the input is part of another and some may be
 * absent.
 */
function isApart(fields: Fields): boolean {
  const isForeign = ['prompt_tokens', 'total_tokens', 'input_tokens_details'].some(
    (name) => (fields[name] ?? null) !== null,
  );
  if (isForeign || isOfSearch(fields)) return false;
  const read = tokens(fields['cache_read_input_tokens']);
  if (cachedIn(fields) !== (read ?? 0)) return false;
  return tokens(fields['input_tokens']) !== null || read !== null || cacheWritesIn(fields).all > 0;
}

function sidesOf(fields: Fields): Sides {
  const completion = larger(tokens(fields['completion_tokens']), tokens(fields['output_tokens']));
  const total = tokens(fields['total_tokens']);
  const input = inputOf(fields, completion ?? 0, total);
  const output = outputOf(fields, input ?? 0, completion, total);
  // If input is missing or zero, it is the total minus the output.
  const told = input !== null && input > 0;
  return [!told && output !== null && output > 0 && total !== null && total > output ? total - output : input, output];
}

function inputOf(fields: Fields, completion: number, total: number | null): number | null {
  const prompt = tokens(fields['prompt_tokens']);
  const input = tokens(fields['input_tokens']);
  const cached = cachedIn(fields);
  const written = cacheWritesIn(fields).all;
  if (prompt === null || (prompt === 0 && input !== null && input > 0)) {
    if (input === null) return prompt;
    // In Anthropic's form `input_tokens` excludes the tokens that were read from or written to the cache. A relay that
    // adds OpenAI's details and a total that fits means OpenAI's form, whatever other names it adds.
    const isTotal = fields['input_tokens_details'] !== undefined && total === input + completion;
    return isTotal ? input : capped(input + (tokens(fields['cache_read_input_tokens']) ?? 0) + written);
  }
  const isNamedAsAnthropicDoes =
    (tokens(fields['cache_read_input_tokens']) ?? 0) + (tokens(fields['cache_creation_input_tokens']) ?? 0) > 0;
  if (soundIn(fields) > 0) return capped(prompt + soundIn(fields));
  const reasoning = reasoningIn(fields);
  const excess = total === null ? -1 : total - prompt - completion;
  const isOnTop =
    excess < 0 || (excess === 0 && isNamedAsAnthropicDoes)
      ? cached + written > prompt
      : cached + written > 0 &&
        excess !== reasoning &&
        (excess === cached + written || excess === cached + written + reasoning);
  return isOnTop ? capped(prompt + cached + written) : larger(prompt, input);
}

/** The tokens of sound in a report of Mistral's, which tells its seconds: what is in the total and in neither side. */
function soundIn(fields: Fields): number {
  if ((tokens(fields['prompt_audio_seconds']) ?? 0) === 0) return 0;
  const total = tokens(fields['total_tokens']) ?? 0;
  return Math.max(total - (tokens(fields['prompt_tokens']) ?? 0) - (tokens(fields['completion_tokens']) ?? 0), 0);
}

function outputOf(fields: Fields, input: number, completion: number | null, total: number | null): number | null {
  // Without input, the total cannot be divided into its sides.
  if (input > 0 && total !== null && total >= input + (completion ?? 0)) return total - input;
  const reasoning = reasoningIn(fields);
  return reasoning > (completion ?? 0) ? capped((completion ?? 0) + reasoning) : completion;
}

/** Whether a value is a number of tokens above zero in its usual form. */
function isTold(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= TOKENS_MAX;
}

/** Whether a report is Perplexity's, which counts what was searched for. */
function isOfSearch(fields: Fields): boolean {
  return (tokens(fields['citation_tokens']) ?? 0) > 0 || (tokens(fields['num_search_queries']) ?? 0) > 0;
}

/**
 * Adds the pages that were read and the reasoning about them: they are charged, but neither side nor the total has
 * them.
 */
function sidesOfSearch(fields: Fields): Sides {
  const prompt = tokens(fields['prompt_tokens']);
  const completion = tokens(fields['completion_tokens']);
  const read = tokens(fields['citation_tokens']) ?? 0;
  return [
    prompt === null ? null : capped(prompt + read),
    completion === null ? null : capped(completion + reasoningIn(fields)),
  ];
}

/** The cached tokens under any of their names. Senders of several names put zero under those that they do not use. */
function cachedIn(fields: Fields): number {
  return Math.max(
    tokens(fieldsOf(fields['prompt_tokens_details'])['cached_tokens']) ?? 0,
    tokens(fieldsOf(fields['prompt_token_details'])['cached_tokens']) ?? 0,
    tokens(fieldsOf(fields['input_tokens_details'])['cached_tokens']) ?? 0,
    tokens(fields['prompt_cache_hit_tokens']) ?? 0,
    tokens(fields['cache_read_input_tokens']) ?? 0,
    tokens(fields['cached_tokens']) ?? 0,
    tokens(fields['num_cached_tokens']) ?? 0,
  );
}

function reasoningIn(fields: Fields): number {
  return Math.max(
    tokens(fieldsOf(fields['completion_tokens_details'])['reasoning_tokens']) ?? 0,
    tokens(fieldsOf(fields['output_tokens_details'])['reasoning_tokens']) ?? 0,
    // Anthropic's name for it.
    tokens(fieldsOf(fields['output_tokens_details'])['thinking_tokens']) ?? 0,
    tokens(fields['reasoning_tokens']) ?? 0,
  );
}

function larger(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
