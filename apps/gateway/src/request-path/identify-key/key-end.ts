import type { KeyEnd } from '@tollgate/access';
import { refuse, type Refusal } from '../exchange/refusal.js';

/** The refusal for each way in which a key ends. */
export const KEY_ENDS: Readonly<Record<KeyEnd, Refusal>> = {
  invalid_api_key: refuse('invalid_api_key'),
  expired_api_key: refuse('expired_api_key'),
  subscription_expired: refuse('subscription_expired'),
};
