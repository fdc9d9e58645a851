import { hash } from 'node:crypto';

/** So many answers of a model are remembered of each key: they say what its next answer may take. */
export const ANSWERS_KEPT = 20;
/**
 * So many models are remembered of each key; of more, the one that answered longest ago is forgotten. Callers of a
 * wildcard route can make up names.
 */
export const MODELS_KEPT = 32;
/** Characters that mean nothing where the memory is kept as text. */
const PLAIN_NAME = /^[\w.:/@+-]{1,64}$/;
const DIGEST_LENGTH = 22;

/** An answer that no later one of its model has reached: its output tokens, and how many more answers it outlasts. */
interface RememberedAnswer {
  readonly tokens: number;
  readonly staysFor: number;
}

/**
 * The last answers of one key by model, the model that answered last at the end. Only answers that no later one has
 * reached are there, the largest first: the others can never be the largest of the last `ANSWERS_KEPT`.
 */
export type KeyAnswers = Map<string, readonly RememberedAnswer[]>;

/**
 * Under what the answers to such calls are remembered. Calls for several choices have a memory of their own, for their
 * answers are as many times longer. Names of any characters and lengths become short and plain.
 */
export function answersName(model: string, choices: number): string {
  const name = PLAIN_NAME.test(model) ? model : `~${hash('sha256', model, 'base64url').slice(0, DIGEST_LENGTH)}`;
  return choices === 1 ? name : `${name}*${choices}`;
}

/** The largest of the last answers, in output tokens; null where none is known. */
export function largestAnswer(answers: KeyAnswers | null, name: string): number | null {
  return answers?.get(name)?.[0]?.tokens ?? null;
}

/** Remembers an answer of so many output tokens as the last one of its model. */
export function rememberAnswer(answers: KeyAnswers, name: string, tokens: number): void {
  const kept = (answers.get(name) ?? [])
    .filter((answer) => answer.tokens > tokens && answer.staysFor > 1)
    .map((answer) => ({ tokens: answer.tokens, staysFor: answer.staysFor - 1 }));
  answers.delete(name);
  if (answers.size >= MODELS_KEPT) answers.delete(answers.keys().next().value!);
  answers.set(name, [...kept, { tokens, staysFor: ANSWERS_KEPT }]);
}
