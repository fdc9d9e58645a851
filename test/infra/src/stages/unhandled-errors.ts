import { writeFileSync } from 'node:fs';

/** Tells the reporter below where to write. */
export const unhandledErrorsVariable = 'TOLLGATE_UNHANDLED_ERRORS';

/**
 * A reporter for vitest that writes the errors which belong to no test: its JSON report leaves them out, and a run with
 * one of them must not be kept in the cache as a success.
 */
export default class UnhandledErrors {
  onTestRunEnd(_modules: unknown, errors: readonly { readonly message?: string; readonly stack?: string }[]): void {
    const file = process.env[unhandledErrorsVariable];
    const words = errors.map(({ message, stack }) => message ?? stack ?? 'an error without a message');
    if (file) writeFileSync(file, JSON.stringify(words));
  }
}
