/** Another store or the bus cannot be reached at the moment. It is not a bug, and a later call may succeed. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** A handler for `catch` that throws an `UnavailableError` with `what`, a noun phrase, as its subject. */
export function unavailable(what: string): (cause: unknown) => never {
  return (cause) => {
    throw new UnavailableError(`${what} cannot be asked at the moment.`, { cause });
  };
}
