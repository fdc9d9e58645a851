import { Problem } from '@tollgate/http';

/** The refusal to change a key that has ended, with what to do instead. `why` says first what is not possible. */
export function keyEnded(state: 'revoked' | 'expired', why?: string): Problem {
  const what =
    state === 'revoked'
      ? 'The key was revoked, for good. Make a new key.'
      : 'The key has expired. Give it a later expires_at first, or make a new key.';
  return new Problem('api_key_ended', { detail: why === undefined ? what : `${why} ${what}` });
}
