import type { Reasoning } from './conversation.js';
import type { WriteContext } from './dialect-codec.js';

/** Models of OpenAI that do not reason: they refuse a request that names an effort. */
const NOT_REASONING = /^(?:openai\/)?(?:gpt-3|gpt-4|chatgpt-4o)/;

/** Models of OpenAI that can be told not to think: gpt-5.1 and later, without those that always think. */
const TAKES_NONE = /^(?:openai\/)?gpt-(?:5\.[1-9]|[6-9]|[1-9]\d)(?!.*-(?:pro|codex|chat)(?:-|$))/;
/** The words that servers other than OpenAI take. */
const COMMON_WORDS: ReadonlySet<string | null> = new Set(['low', 'medium', 'high']);

/**
 * How much a model of OpenAI is to think, by the name of the effort; null if it is not to be told. A number of tokens
 * becomes the word that stands for about as many. Clients such as Claude Code name an effort with every call: it is
 * left out, and noted so, for models that do not reason. So is `none` where a model is not known to take it. Servers
 * that are not OpenAI are sent an effort only if the caller has named one, by a word that all of them have.
 */
export function effortFor(
  reasoning: Reasoning | null,
  { model, hints, fieldOf }: WriteContext,
  leftOut: Set<string>,
): string | null {
  if (reasoning === null) return null;
  const { effort, budgetTokens } = reasoning;
  const named = effort ?? (budgetTokens === null ? null : effortOfBudget(budgetTokens));
  const isTaken = hints === true ? named !== 'none' || TAKES_NONE.test(model) : COMMON_WORDS.has(effort);
  if (named === null || (isTaken && reasons(model))) return named;
  leftOut.add(fieldOf(effort === null ? 'thinking_budget' : 'reasoning'));
  return null;
}

/** Whether a model thinks before it answers, by its name. */
export function reasons(model: string): boolean {
  return !NOT_REASONING.test(model);
}

function effortOfBudget(tokens: number): string {
  if (tokens <= 0) return 'none';
  if (tokens <= 4_096) return 'low';
  return tokens <= 16_384 ? 'medium' : 'high';
}
