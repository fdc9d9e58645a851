import { plainText, withoutDeployment, withoutSuffixes } from './model-forms.js';

/**
 * The end of a name that leads to whatever model of a family is the newest, or best, at the time. Ways of serving it
 * may stand behind (`:free`).
 */
const MOVING = /-latest(?![\p{L}\p{N}])/u;
/** The beginning of such names at OpenRouter. */
const MOVING_START = '~';

/**
 * The words of a name that leads to the newest model of a family, such as `gemini-flash-latest` or
 * `~anthropic/claude-sonnet-latest`; null for other names. Which model it leads to changes, so only the family can be
 * told: the models whose names have all its words.
 */
export function familyOf(name: string): ReadonlySet<string> | null {
  const plain = plainText(name);
  const model = withoutDeployment(plain) || plain;
  return [plain, model].some((text) => MOVING.test(text) || text.startsWith(MOVING_START)) ? wordsOf(model) : null;
}

/** The words of the last part of a model's name, without what names one build of it. */
export function modelWords(name: string): ReadonlySet<string> {
  return wordsOf(plainText(name));
}

/** Whether a model with these words may be the newest of a family. */
export function isOfFamily(family: ReadonlySet<string>, words: ReadonlySet<string>): boolean {
  return [...family].every((word) => words.has(word));
}

/**
 * Whether a pattern may match a model of a family: whether one of them has all words of the other. Words of the pattern
 * with digits do not count, since they may be the version of any model.
 */
export function mayMatchFamily(family: ReadonlySet<string>, pattern: string): boolean {
  const words = new Set([...wordsOf(plainText(pattern))].filter((word) => !/\d/.test(word)));
  return words.size > 0 && (isOfFamily(words, family) || isOfFamily(family, words));
}

function wordsOf(plain: string): ReadonlySet<string> {
  const last = plain.split('/').at(-1) ?? '';
  return new Set(
    withoutSuffixes(last)
      .split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word !== ''),
  );
}
