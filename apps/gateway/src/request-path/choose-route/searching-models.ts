/**
 * How a model searches on its own, whatever the body says: `once` before it answers, or `freely`, as often as it likes,
 * reading what it found each time.
 */
export type Searching = 'once' | 'freely';

/** Research models, and Groq's compound systems, make up to some hundred calls of tools for one answer. */
const FREELY = /(?:^|[/-])deep-research(?:[-:]|$)|(?:^|\/)compound(?:-beta)?(?:-mini)?(?::|$)/;
/** OpenAI's models of search, Perplexity's, and what OpenRouter gives a search for the end of its name. */
const ONCE = /(?:^|\/)gpt-[a-z0-9.-]*-search(?:[-:]|$)|(?:^|[/-])sonar(?:[-:]|$)|[-:]online(?::|$)/;

/**
 * How the model of this name at a provider searches on its own; undefined for one that does not. The names are those of
 * the providers' pages of models, read in November 2026. Models that only may search, by other names, are not known.
 */
export function searchingOf(model: string): Searching | undefined {
  const name = model.toLowerCase();
  if (FREELY.test(name)) return 'freely';
  return ONCE.test(name) ? 'once' : undefined;
}
