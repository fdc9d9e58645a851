import { rateOf, type OrganizationState } from './organization-state.js';

/**
 * Gives back the place that a request takes among its key's parallel requests, because its client has disconnected. The
 * hold stays until it is settled. A repeated call, or one without a hold, changes nothing.
 */
export function leave(state: OrganizationState, requestId: string): void {
  const hold = state.holds.get(requestId);
  if (hold === undefined || !hold.parallel) return;
  state.holds.set(requestId, { ...hold, parallel: false });
  rateOf(state, hold.apiKeyId).parallel -= 1;
}
