/**
 * The longest answers of models that providers have retired and LiteLLM's map has dropped, though price lists still
 * have them: a larger ceiling is refused. Of Anthropic from the comparison of models on
 * https://platform.claude.com/docs/en/about-claude/models/overview, of OpenAI from the page of each model below
 * https://developers.openai.com/api/docs/models.
 */
const OLD: Readonly<Record<string, readonly (readonly [pattern: RegExp, tokens: number])[]>> = {
  anthropic: [
    [/^claude-(?:v1|2|3-(?:haiku|sonnet|opus))(?:[-.@]|$)/, 4_096],
    [/^claude-3[-.]5-/, 8_192],
    [/^claude-opus-4(?:-0|-1|-2025\d{4})?(?:[-.@]|$)/, 32_000],
    [/^claude-(?:sonnet-4|3[-.]7-sonnet)(?:[-.@]|$)/, 64_000],
  ],
  openai: [
    [/^computer-use-preview/, 1_024],
    [/^gpt-(?:3\.5|4-(?:vision|1106)|4-turbo)/, 4_096],
    [/^gpt-4-32k/, 8_192],
  ],
};

/** The longest answer of a retired model, in tokens; null if it is none of these. */
export function oldCeiling(source: string, model: string): number | null {
  return OLD[source]?.find(([pattern]) => pattern.test(model))?.[1] ?? null;
}
