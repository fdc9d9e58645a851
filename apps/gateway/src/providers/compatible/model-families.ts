/** Where a name begins within the name of a model: after the maker, the region or the path at who serves it. */
const BEGINS = String.raw`(?:^|[/.:@~_-])`;
/** Models that refuse to go on after a call of a tool without the thoughts that led to it. */
const WANTS_THOUGHTS = new RegExp(`${BEGINS}(?:deepseek|kimi)`, 'i');
/** Models of Mistral, by the families that its docs list (read in November 2026). */
const MISTRAL = new RegExp(`${BEGINS}(?:mistral|mixtral|ministral|magistral|codestral|devstral|pixtral|voxtral)`, 'i');

/**
 * Whether a model wants its earlier thoughts back as `reasoning_content`, whoever serves it: "The reasoning_content in
 * the thinking mode must be passed back" (DeepSeek), "reasoning_content is missing in assistant tool call message"
 * (Kimi).
 *
 * @example
 * wantsThoughts('accounts/fireworks/models/deepseek-v3p2'); // true
 */
export function wantsThoughts(model: string): boolean {
  return WANTS_THOUGHTS.test(model);
}

/**
 * Whether a model takes no other ids of calls than those of Mistral, whoever serves it: servers write requests for its
 * models with Mistral's own library or templates, which check the ids.
 *
 * @example
 * takesMistralsCallIds('mistralai/Mistral-Small-3.2-24B-Instruct-2506'); // true
 */
export function takesMistralsCallIds(model: string): boolean {
  return MISTRAL.test(model);
}
