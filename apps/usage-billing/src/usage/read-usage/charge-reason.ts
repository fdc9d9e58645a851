import type { BookedEvent } from './find-usage-event.js';

type ReasonFields = Pick<BookedEvent, 'outcome' | 'usageSource' | 'costNanoUsd' | 'chargeNanoUsd' | 'holdNanoUsd'>;

/** Why a request was charged what it was, for programs and for people. */
export interface ChargeReason {
  /**
   * `provider_reported` and `counted`: the cost of the usage, by the one who counted it. `capped_by_hold` and
   * `capped_by_limit`: less than the cost, since no more than this was held, or left. `capped_as_implausible`: less
   * than the cost, since no such request uses so much. `nothing_owed`: no usage.
   */
  readonly reason:
    'provider_reported' | 'counted' | 'capped_by_hold' | 'capped_by_limit' | 'capped_as_implausible' | 'nothing_owed';
  /** One or two sentences. */
  readonly explanation: string;
}

/** The outcome and source may be of a later release; then the sentences say less, and nothing that is wrong. */
export function chargeReason(event: ReasonFields): ChargeReason {
  const { costNanoUsd, chargeNanoUsd, holdNanoUsd, usageSource } = event;
  if (usageSource === 'none' && costNanoUsd === 0n) return { reason: 'nothing_owed', explanation: nothingOwed(event) };
  const counted = usageCounted(event);
  if (chargeNanoUsd < costNanoUsd && holdNanoUsd === null) {
    return { reason: 'capped_as_implausible', explanation: `${counted} ${IMPLAUSIBLE}` };
  }
  if (chargeNanoUsd < costNanoUsd) {
    const byHold = chargeNanoUsd === holdNanoUsd;
    const cap = byHold
      ? 'That cost more than the credit held for the request, and no more than the hold is charged.'
      : 'That cost more than was left of a credit limit when it was booked, and no more than that is charged.';
    return { reason: byHold ? 'capped_by_hold' : 'capped_by_limit', explanation: `${counted} ${cap}` };
  }
  const free = costNanoUsd === 0n ? ' By the price list it costs nothing.' : '';
  return { reason: usageSource === 'provider' ? 'provider_reported' : 'counted', explanation: counted + free };
}

const IMPLAUSIBLE =
  'That is more than such a request can use, or than the ceiling that it named: the rest is charged to nobody.';

function nothingOwed({ outcome }: ReasonFields): string {
  switch (outcome) {
    case 'provider_failed':
      return 'Nothing is charged: the provider failed before the first byte of its answer.';
    case 'provider_refused':
      return 'Nothing is charged: the provider refused the request.';
    case 'client_left':
      return 'Nothing is charged: the client left before anything was delivered.';
    case 'revoked':
      return 'Nothing is charged: the key had ended (leaked, revoked or expired), or could not be checked, before an answer.';
    case 'orphaned':
      return 'Nothing is charged: the gateway was killed before it had noted that anything was delivered.';
    default:
      return 'Nothing is charged: there was no usage.';
  }
}

function usageCounted({ outcome, usageSource }: ReasonFields): string {
  if (usageSource === 'provider') return 'The usage is what the provider reported.';
  switch (outcome) {
    case 'client_left':
      return 'The client left, and no usage was reported: counted are the input and what was delivered of the answer.';
    case 'provider_interrupted':
      return 'The provider broke off without a report: counted are the input and what was delivered of the answer.';
    case 'revoked':
      return 'The key leaked, and the call was ended: counted are the input and what was delivered of the answer.';
    case 'orphaned':
      return 'The gateway was killed: counted are the input and what was delivered of the answer by its last note.';
    default:
      return 'The gateway counted the usage, since the provider reported none.';
  }
}
