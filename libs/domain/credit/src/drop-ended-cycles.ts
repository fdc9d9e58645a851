import { cycleOfAccount } from '@tollgate/api-key';
import type { OrganizationState } from './organization-state.js';

/** Accounts of cycles stay this long after their end: a clock that is set back finds what it charged before. */
const KEPT_MS = 2 * 86_400_000;

/** Whether the cycle of an account ended so long before `nowMs` (milliseconds since 1970) that nothing asks for it. */
export function isLongEnded(accountId: string, nowMs: number): boolean {
  return cycleOfAccount(accountId).endMs + KEPT_MS <= nowMs;
}

/** Drops the accounts of cycles that ended long ago, unless requests still hold credit on them. Returns how many. */
export function dropEndedCycles(state: OrganizationState, nowMs: number): number {
  let dropped = 0;
  for (const accountId of new Set([...state.accounts.keys(), ...state.loads.keys(), ...state.refusals.keys()])) {
    if (!isLongEnded(accountId, nowMs) || (state.accounts.get(accountId)?.heldNanoUsd ?? 0n) > 0n) continue;
    state.accounts.delete(accountId);
    state.loads.delete(accountId);
    state.refusals.delete(accountId);
    dropped += 1;
  }
  return dropped;
}
