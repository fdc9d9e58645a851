import { rateOf, type OrganizationState } from './organization-state.js';

/**
 * Gives back the place that a request takes among its key's parallel requests: its client has left. Its hold stays
 * until it is settled. Repeated, or without a hold, it changes nothing.
 */
export function leave(state: OrganizationState, requestId: string): void {
  const hold = state.holds.get(requestId);
  if (hold === undefined || !hold.parallel) return;
  state.holds.set(requestId, { ...hold, parallel: false });
  rateOf(state, hold.apiKeyId).parallel -= 1;
}
