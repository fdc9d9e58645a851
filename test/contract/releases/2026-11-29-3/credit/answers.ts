import { hash } from 'node:crypto';

/** The number of answers remembered for each key and model: they estimate the length of the next answer. */
export const ANSWERS_KEPT = 20;
/**
 * The number of models remembered for each key. The least recently used one is dropped when there are more: callers of
 * a wildcard route can make up names.
 */
export const MODELS_KEPT = 32;
/** Names without separators of the text format in which Redis stores the answers. */
const PLAIN_NAME = /^[\w.:/@+-]{1,64}$/;
const DIGEST_LENGTH = 22;

/**
 * An answer that is longer than all later ones of its model: its output tokens, and after how many more it is dropped.
 */
interface RememberedAnswer {
  readonly tokens: number;
  readonly staysFor: number;
}

/**
 * The last answers of one key by model, the most recently used model last. Of each model it has only the answers that
 * are longer than all later ones, the longest first: the others can never be the longest of the last `ANSWERS_KEPT`.
 */
export type KeyAnswers = Map<string, readonly RememberedAnswer[]>;

/**
 * The name under which the answers of a model are remembered. Requests for several choices have a name of their own,
 * because their answers are that many times longer. A long name, or one with special characters, is replaced by a hash.
 */
export function answersName(model: string, choices: number): string {
  const name = PLAIN_NAME.test(model) ? model : `~${hash('sha256', model, 'base64url').slice(0, DIGEST_LENGTH)}`;
  return choices === 1 ? name : `${name}*${choices}`;
}

/** The longest of the last answers, in output tokens; null if none is known. */
export function largestAnswer(answers: KeyAnswers | null, name: string): number | null {
  return answers?.get(name)?.[0]?.tokens ?? null;
}

/** Remembers an answer with `tokens` output tokens as the last one of its model. */
export function rememberAnswer(answers: KeyAnswers, name: string, tokens: number): void {
  const kept = (answers.get(name) ?? [])
    .filter((answer) => answer.tokens > tokens && answer.staysFor > 1)
    .map((answer) => ({ tokens: answer.tokens, staysFor: answer.staysFor - 1 }));
  answers.delete(name);
  const [oldest] = answers.keys();
  if (oldest !== undefined && answers.size >= MODELS_KEPT) answers.delete(oldest);
  answers.set(name, [...kept, { tokens, staysFor: ANSWERS_KEPT }]);
}
