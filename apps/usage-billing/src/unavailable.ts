/** Another store, or the bus, cannot be asked at the moment: it is no fault of ours, and a later call may succeed. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** For `catch`: rejects with an `UnavailableError` that says what cannot be asked. */
export function unavailable(what: string): (cause: unknown) => never {
  return (cause) => {
    throw new UnavailableError(`${what} cannot be asked at the moment.`, { cause });
  };
}
