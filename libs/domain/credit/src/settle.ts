import { rememberAnswer } from './answers.js';
import { gcraCorrect } from './gcra.js';
import type { HeldPart, OpenHold, SettleItem } from './items.js';
import { balanceOf, rateOf, type OrganizationState } from './organization-state.js';
import { splitCharge } from './split-charge.js';

/** Ends a hold and posts the charge, at most the hold. Without a hold it changes nothing and returns false. */
export function settle(state: OrganizationState, item: SettleItem, nowUs: number): boolean {
  const hold = state.holds.get(item.requestId);
  if (hold === undefined) return false;
  state.holds.delete(item.requestId);
  const charge = item.chargeNanoUsd < hold.amountNanoUsd ? item.chargeNanoUsd : hold.amountNanoUsd;
  for (const accountId of hold.accountIds) {
    const balance = balanceOf(state, accountId);
    balance.heldNanoUsd -= hold.amountNanoUsd;
    balance.postedNanoUsd += charge;
  }
  if (hold.parts !== undefined) settleParts(state, hold.parts, charge);
  endRate(state, hold, item, nowUs);
  return true;
}

function settleParts(state: OrganizationState, parts: readonly HeldPart[], chargeNanoUsd: bigint): void {
  for (const [place, { accountId, amountNanoUsd }] of splitCharge(chargeNanoUsd, parts).entries()) {
    const balance = balanceOf(state, accountId);
    balance.heldNanoUsd -= parts[place]!.amountNanoUsd;
    balance.postedNanoUsd += amountNanoUsd;
  }
}

function endRate(state: OrganizationState, hold: OpenHold, { tokens, answerTokens }: SettleItem, nowUs: number): void {
  if (!hold.parallel && hold.tokens === 0 && hold.answersOf === undefined) return;
  const rate = rateOf(state, hold.apiKeyId);
  if (hold.parallel) rate.parallel -= 1;
  if (hold.tokens > 0 && tokens !== null && rate.tokensLimit > 0) {
    rate.tokensTatUs = gcraCorrect(rate.tokensTatUs, rate.tokensLimit, tokens - hold.tokens, nowUs);
  }
  if (hold.answersOf !== undefined && answerTokens != null && answerTokens > 0) {
    rememberAnswer((rate.answers ??= new Map()), hold.answersOf, answerTokens);
  }
}

/**
 * A settle by usage-billing, whose event is booked. It has no answer to remember: the gateway's own settle has it, and
 * usually comes first.
 */
export interface BookedItem extends Omit<SettleItem, 'answerTokens'> {
  readonly journalId: string;
  readonly journalNumber: number;
  /** The accounts that are charged the whole charge. */
  readonly accountIds: readonly string[];
  /** What of the charge falls on each grant that was held on (`splitCharge`). Absent for none. */
  readonly charged?: readonly HeldPart[];
}

/**
 * Settles an event that the ledger has booked. If the epoch still waits for the event's journal, the hold may not be
 * announced yet: then the charge is posted at once and the journal's booked number raised, so that the announcement
 * leaves this event out.
 */
export function settleBooked(state: OrganizationState, item: BookedItem, nowUs: number): void {
  if (settle(state, item, nowUs) || !state.waiting.has(item.journalId)) return;
  if (item.journalNumber <= (state.booked.get(item.journalId) ?? 0)) return;
  state.booked.set(item.journalId, item.journalNumber);
  for (const accountId of item.accountIds) balanceOf(state, accountId).postedNanoUsd += item.chargeNanoUsd;
  for (const { accountId, amountNanoUsd } of item.charged ?? [])
    balanceOf(state, accountId).postedNanoUsd += amountNanoUsd;
}
