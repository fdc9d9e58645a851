import { readFileSync, writeFileSync } from 'node:fs';
import { LIMITS_FILE, type LimitsFile, type ModelLimits, type Ratio } from './model-limits.js';

/**
 * Writes `data/model-limits.json` anew, from the map of models that LiteLLM keeps (MIT): what each model takes and
 * writes at most, what it reads besides text, and what its tiers, speeds and places multiply. It is run by hand after a
 * release of LiteLLM, with the file from its package on PyPI:
 *
 *     npm run import-limits -- VERSION litellm/model_prices_and_context_window_backup.json
 */

/** How LiteLLM names the models of a source: its name of the provider, and what it writes before the model. */
const NAMED: Readonly<Record<string, readonly [source: string, prefix: string]>> = {
  openai: ['openai', ''],
  'text-completion-openai': ['openai', ''],
  azure: ['azure', 'azure/'],
  anthropic: ['anthropic', ''],
  gemini: ['google', 'gemini/'],
  mistral: ['mistral', 'mistral/'],
  groq: ['groq', 'groq/'],
  deepseek: ['deepseek', 'deepseek/'],
  xai: ['x-ai', 'xai/'],
  perplexity: ['perplexity', 'perplexity/'],
  cerebras: ['cerebras', 'cerebras/'],
  cohere: ['cohere', ''],
  cohere_chat: ['cohere', ''],
  together_ai: ['together', 'together_ai/'],
  fireworks_ai: ['fireworks', 'fireworks_ai/'],
  openrouter: ['openrouter', 'openrouter/'],
  moonshot: ['moonshotai', 'moonshot/'],
  minimax: ['minimax', 'minimax/'],
  novita: ['novita', 'novita/'],
  zai: ['zai', 'zai/'],
  voyage: ['voyageai', 'voyage/'],
};
const MODES: ReadonlySet<unknown> = new Set(['chat', 'completion', 'embedding', 'responses']);
/** What LiteLLM calls a tier in its fields, and what replies call it. */
const TIERS = { priority: 'priority', flex: 'flex', batches: 'batch' } as const;
/** Prices of tokens are written down to 1e-12 USD; a double keeps them apart at this scale. */
const SCALE = 1e16;

type Entry = Readonly<Record<string, unknown>>;

function limitsOf(entry: Entry): ModelLimits {
  const number = (name: string): number | undefined => {
    const value = entry[name];
    return typeof value === 'number' && value > 0 ? value : undefined;
  };
  const tiers = Object.entries(TIERS).flatMap(([theirs, ours]) => {
    const ratio = ratioOf(number, theirs);
    return ratio === null ? [] : [[ours, ratio] as const];
  });
  const special = (entry['provider_specific_entry'] ?? {}) as { us?: number; fast?: number };
  const [output, input] = [number('max_output_tokens'), number('max_input_tokens')];
  return {
    ...(output !== undefined && { output }),
    ...(input !== undefined && { input }),
    ...(entry['supports_vision'] === true && { sees: true as const }),
    ...(tiers.length > 0 && { tiers: Object.fromEntries(tiers) }),
    ...(special.us !== undefined && { geos: { us: special.us } }),
    ...(special.fast !== undefined && { speeds: { fast: special.fast } }),
  };
}

/** What a tier multiplies; null if it has no price, or one that is not a multiple on each side. */
function ratioOf(number: (name: string) => number | undefined, tier: string): Ratio | null {
  const of = (name: string): readonly [number, number] | undefined => {
    const [usual, inTier] = [number(name), number(`${name}_${tier}`)];
    return usual === undefined || inTier === undefined ? undefined : fraction(inTier, usual);
  };
  const [input, output] = [of('input_cost_per_token'), of('output_cost_per_token')];
  const written = of('cache_creation_input_token_cost');
  if (input === undefined || (written !== undefined && !isSame(written, input))) return null;
  if (output === undefined && number('output_cost_per_token') !== undefined) return null;
  const cached = of('cache_read_input_token_cost');
  return {
    input,
    output: output ?? input,
    ...(cached !== undefined && !isSame(cached, input) && { cached }),
  };
}

const isSame = (a: readonly [number, number], b: readonly [number, number]): boolean => a[0] === b[0] && a[1] === b[1];

function fraction(a: number, b: number): readonly [number, number] {
  const [over, under] = [BigInt(Math.round(a * SCALE)), BigInt(Math.round(b * SCALE))];
  let [x, y] = [over, under];
  while (y !== 0n) [x, y] = [y, x % y];
  return [Number(over / x), Number(under / x)];
}

function written(version: string, entries: Readonly<Record<string, Entry>>): string {
  const sources = new Map<string, Map<string, ModelLimits>>();
  for (const [name, entry] of Object.entries(entries)) {
    const [source, prefix] = NAMED[String(entry['litellm_provider'])] ?? [];
    if (source === undefined || prefix === undefined || !MODES.has(entry['mode']) || !name.startsWith(prefix)) continue;
    const model = name.slice(prefix.length);
    // A place before the name, as azure/eu/gpt-5: there it has another price.
    if (['openai', 'azure', 'anthropic'].includes(source) && model.includes('/')) continue;
    const limits = limitsOf(entry);
    if (Object.keys(limits).length === 0) continue;
    sources.set(source, (sources.get(source) ?? new Map<string, ModelLimits>()).set(model, limits));
  }
  const sorted = <T>(of: ReadonlyMap<string, T>): [string, T][] => [...of].sort(([a], [b]) => (a < b ? -1 : 1));
  // One line for each model, so that a change of the file shows what has changed.
  const texts = sorted(sources).map(([source, models]) => {
    const lines = sorted(models).map(([model, limits]) => `${JSON.stringify(model)}: ${JSON.stringify(limits)}`);
    return `${JSON.stringify(source)}: {\n${lines.join(',\n')}\n}`;
  });
  const origin: LimitsFile['origin'] = { package: 'litellm', version, license: 'MIT' };
  return `{"origin": ${JSON.stringify(origin)},\n"sources": {\n${texts.join(',\n')}\n}}\n`;
}

const [version = '', path = ''] = process.argv.slice(2);
writeFileSync(LIMITS_FILE, written(version, JSON.parse(readFileSync(path, 'utf8')) as Record<string, Entry>));
