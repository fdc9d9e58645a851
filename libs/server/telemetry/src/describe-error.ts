/** The parts of an error that may be written to a log. */
export interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
  readonly errors?: readonly ErrorDescription[];
}

const CAUSES_MAX = 4;

/**
 * Reduces an error to its type, message, code and stack, and does the same for its causes. Properties that a driver
 * added, such as statements and parameters, are left out.
 */
export function describeError(error: unknown): ErrorDescription {
  return describe(error, CAUSES_MAX);
}

function describe(error: unknown, causesLeft: number): ErrorDescription {
  if (!(error instanceof Error))
    return { type: typeof error, message: typeof error === 'string' ? error : 'not an Error' };
  const code = (error as { code?: unknown }).code;
  const goesOn = causesLeft > 0;
  return {
    type: error.constructor.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(goesOn && error.cause !== undefined && { cause: describe(error.cause, causesLeft - 1) }),
    ...(goesOn &&
      error instanceof AggregateError && {
        errors: error.errors.slice(0, CAUSES_MAX).map((each) => describe(each, causesLeft - 1)),
      }),
  };
}
