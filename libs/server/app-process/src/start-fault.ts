import { ConfigError, ConfigFileMissing, EnvironmentError } from '@tollgate/config';

/**
 * A reason why a process cannot start that an operator can mend. Its message is one line, begins with the variable to
 * look at, and is printed without a stack.
 */
export class StartFault extends Error {
  override readonly name = 'StartFault';
  constructor(
    readonly variable: string,
    problem: string,
    cause?: unknown,
  ) {
    super(`${variable}: ${problem}`, { cause });
  }
}

/**
 * The line to print about a failed start if an operator can mend it; null for any other error, which is a bug.
 */
export function mendableFault(error: unknown): string | null {
  const mendable = [StartFault, EnvironmentError, ConfigError, ConfigFileMissing];
  return mendable.some((kind) => error instanceof kind) ? (error as Error).message : null;
}

/** The code of an error of the system or of Postgres (`ECONNREFUSED`, `28P01`, …); undefined if it has none. */
export function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/**
 * The message of an error in one line. If a name has several addresses, the error that combines their failures has no
 * message, so theirs are joined.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ');
  const text = error instanceof Error && error.message !== '' ? error.message : String(codeOf(error) ?? error);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
