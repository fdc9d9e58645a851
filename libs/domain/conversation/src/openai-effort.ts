import type { Reasoning } from './conversation.js';
import type { WriteContext } from './dialect-codec.js';

/** Models of OpenAI that do not reason: they refuse a request that names an effort. */
const NOT_REASONING = /^(?:openai\/)?(?:gpt-3|gpt-4|chatgpt-4o)/;

/**
 * How much a model of OpenAI is to think, by the name of the effort; null if it is not to be told. A number of tokens
 * becomes the word that stands for about as many. Clients such as Claude Code name an effort with every call: it is
 * left out, and noted so, for models that do not reason.
 */
export function effortFor(
  reasoning: Reasoning | null,
  { model, fieldOf }: WriteContext,
  leftOut: Set<string>,
): string | null {
  if (reasoning === null) return null;
  const { effort, budgetTokens } = reasoning;
  const named = effort ?? (budgetTokens === null ? null : effortOfBudget(budgetTokens));
  if (named === null || reasons(model)) return named;
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
