import { Problem } from '@tollgate/http';

const NAMES: readonly (readonly [ours: string, theirs: string])[] = [
  ['credit_limit_usd', 'limit'],
  ['credit_reset', 'limit_reset'],
];

const theirs = (text: string): string => NAMES.reduce((done, [one, other]) => done.replaceAll(one, other), text);

/** Runs work of the admin API, and tells faults of fields under the names that OpenRouter's clients have sent. */
export async function inTheirWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(error.code, {
      ...(error.detail !== undefined && { detail: theirs(error.detail) }),
      errors: error.errors.map(({ path, message }) => ({ path: theirs(path), message: theirs(message) })),
      headers: error.headers,
      cause: error.cause,
    });
  }
}
