import { ERRORS, type ErrorCode, type FieldError } from '@tollgate/errors';

/** What is particular to one refusal. */
export interface ProblemOptions {
  /** What went wrong this time, for the caller. Must not carry a value of the request. */
  readonly detail?: string;
  /** Fields at fault. */
  readonly errors?: readonly FieldError[];
  /** Further reply headers (`retry-after`, …). */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the log only. */
  readonly cause?: unknown;
}

/** A refusal on its way to the caller; `ProblemFilter` makes the reply of it. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: string | undefined;

  constructor(
    readonly code: ErrorCode,
    { detail, errors = [], headers = {}, cause }: ProblemOptions = {},
  ) {
    super(detail ?? ERRORS[code].message, { cause });
    this.detail = detail;
    this.errors = errors;
    this.headers = headers;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}
