import { ConfigError, ConfigFileMissing, EnvironmentError } from '@tollgate/config';

/**
 * Why a process cannot start, where an operator can mend it: one line without a stack, after the variable to look at.
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
 * The line to print where an operator can mend what kept a process from starting; null for anything else, which is a
 * bug of ours.
 */
export function mendableFault(error: unknown): string | null {
  const mendable = [StartFault, EnvironmentError, ConfigError, ConfigFileMissing];
  return mendable.some((kind) => error instanceof kind) ? (error as Error).message : null;
}

/** The code of an error of the system or of Postgres (`ECONNREFUSED`, `28P01`, …). */
export function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/**
 * What an error says of itself, in one line. Where a name has several addresses, the error of them all has no message
 * of its own.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ');
  const text = error instanceof Error && error.message !== '' ? error.message : String(codeOf(error) ?? error);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
