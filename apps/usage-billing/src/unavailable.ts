import { Problem } from '@tollgate/http';

/** For `catch`: what is asked of another store or of the bus, and it is away, is 503 and no fault of ours. */
export function unavailable(what: string): (cause: unknown) => never {
  return (cause) => {
    throw new Problem('service_unavailable', { detail: `${what} cannot be asked at the moment.`, cause });
  };
}
