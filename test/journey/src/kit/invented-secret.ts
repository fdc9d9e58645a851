import { DEFAULT_KEY_MARKER, generateSecret } from '@tollgate/api-key';

/** A secret of the right form and checksum that nobody was given. */
export function inventedSecret(): string {
  return generateSecret(DEFAULT_KEY_MARKER).reveal();
}
