import type { ApiKey } from './api-key.js';

/**
 * A key as a change left it. `everywhere`: its snapshots are written, so that every gateway decides by them; if false,
 * they did not come through within 2 s, and writing is still retried.
 */
export interface ChangedKey {
  readonly key: ApiKey;
  readonly everywhere: boolean;
}
