import { NO_ANSWER, type ProviderError } from '../answer.js';
import { choicesOf, errorIn, isObject, statusIn } from '../openai/reply-error.js';

/** The error in a parsed plain reply; null if it is a completion, which needs at least one choice with content. */
export function faultOfReply(document: unknown): ProviderError | null {
  // Google's servers send an error as a list of one.
  if (Array.isArray(document))
    return document.length === 1 && isObject(document[0]) ? (errorIn(document[0]) ?? NO_ANSWER) : NO_ANSWER;
  if (!isObject(document)) return NO_ANSWER;
  const error = errorIn(document);
  if (error !== null) return error;
  if (choicesOf(document).some(saysSomething)) return null;
  const status = statusIn(document);
  return status === null ? NO_ANSWER : { status, why: 'no_answer' };
}

function saysSomething(choice: Record<string, unknown>): boolean {
  return (
    isObject(choice['message']) || typeof choice['text'] === 'string' || typeof choice['finish_reason'] === 'string'
  );
}
