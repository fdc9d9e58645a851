import type { KeySnapshot } from '@tollgate/api-key';
import { refuse, type Refusal } from '../exchange/refusal.js';

/** How the requests of a key that has ended are refused. */
export type KeyEnd = 'invalid_api_key' | 'expired_api_key';

export const KEY_ENDS: Readonly<Record<KeyEnd, Refusal>> = {
  invalid_api_key: refuse('invalid_api_key'),
  expired_api_key: refuse('expired_api_key'),
};

/**
 * Why a key may not be used any more at `nowMs` (milliseconds since 1970); null while it may. All that can end a key
 * stands here: it is asked when a key is identified, and again before each step that brings a request to a provider.
 */
export function endOf(snapshot: KeySnapshot, nowMs: number): KeyEnd | null {
  if (snapshot.state === 'revoked') return 'invalid_api_key';
  if (snapshot.expiresAtMs !== null && snapshot.expiresAtMs <= nowMs) return 'expired_api_key';
  return null;
}
