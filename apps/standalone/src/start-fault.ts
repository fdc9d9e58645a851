/** What an operator can mend: said in one line, without a stack, after the variable to look at. */
export class StartFault extends Error {
  override readonly name = 'StartFault';
  constructor(readonly variable: string, problem: string, cause?: unknown) {
    super(`${variable}: ${problem}`, { cause });
  }
}

/** Of the system or of Postgres (`ECONNREFUSED`, `28P01`, …). */
export function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** Where a name has several addresses, the error of them all has no message of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ');
  return error instanceof Error && error.message !== '' ? error.message : String(codeOf(error) ?? error);
}
