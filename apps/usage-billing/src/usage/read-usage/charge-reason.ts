import { CAP_NANO_USD_MAX, formatUsd } from '@tollgate/credit';
import type { BookedEvent } from './find-usage-event.js';

type ReasonFields = Pick<
  BookedEvent,
  'outcome' | 'usageSource' | 'costNanoUsd' | 'chargeNanoUsd' | 'billableNanoUsd' | 'holdNanoUsd' | 'unpriced'
>;

/** The reason for the amount that a request was charged, for programs and for people. */
export interface ChargeReason {
  /**
   * `provider_reported` and `counted`: the charge is the cost of the usage that the provider, or the gateway, counted.
   * `capped_by_hold`: it is less than the cost, since no more than this was held. `capped_by_limit`: it is less, since
   * no more was left of a limit, or since no such request can use that much. `capped_as_implausible`: it is less for
   * that reason alone, as the call had no limit, or it is the most that one call is charged. `nothing_owed`: there was
   * no usage, or no answer.
   */
  readonly reason:
    'provider_reported' | 'counted' | 'capped_by_hold' | 'capped_by_limit' | 'capped_as_implausible' | 'nothing_owed';
  /** One to three sentences. */
  readonly explanation: string;
}

/** Explains a charge. If outcome or source come from a later release, the sentences are more general but not wrong. */
export function chargeReason(event: ReasonFields): ChargeReason {
  const { costNanoUsd, usageSource } = event;
  if (usageSource === 'none' && costNanoUsd === 0n) return { reason: 'nothing_owed', explanation: nothingOwed(event) };
  const owedNanoUsd = owed(event);
  const isInVain = owedNanoUsd < costNanoUsd;
  if (isInVain && owedNanoUsd === 0n && UNANSWERED.has(event.outcome))
    return { reason: 'nothing_owed', explanation: REPORTED_IN_VAIN };
  const { reason, explanation } = ofAnswer(event, owedNanoUsd);
  return { reason, explanation: isInVain ? `${explanation} ${ATTEMPTS_IN_VAIN}` : explanation };
}

/** What is owed of the cost: all of it, but for what attempts used that gave the client no answer. */
function owed({ costNanoUsd, billableNanoUsd }: ReasonFields): bigint {
  return billableNanoUsd !== null && billableNanoUsd < costNanoUsd ? billableNanoUsd : costNanoUsd;
}

function ofAnswer(event: ReasonFields, costNanoUsd: bigint): ChargeReason {
  const { chargeNanoUsd, holdNanoUsd, usageSource } = event;
  const counted = usageCounted(event);
  if (chargeNanoUsd === CAP_NANO_USD_MAX)
    return { reason: 'capped_as_implausible', explanation: `${counted} ${THE_MOST}` };
  if (chargeNanoUsd < costNanoUsd && holdNanoUsd === null) {
    return { reason: 'capped_as_implausible', explanation: `${counted} ${IMPLAUSIBLE}` };
  }
  if (chargeNanoUsd < costNanoUsd) {
    const byHold = chargeNanoUsd === holdNanoUsd;
    const cap = byHold
      ? 'That cost more than the credit held for the request, and no more than the hold is charged.'
      : 'That cost more than was left of a credit limit when it was booked, or is more than such a request can use: the rest is not charged.';
    return { reason: byHold ? 'capped_by_hold' : 'capped_by_limit', explanation: `${counted} ${cap}` };
  }
  const free = costNanoUsd === 0n ? ' By the price list it costs nothing.' : '';
  const price = event.unpriced ? ' A price of what was used is not known, and nothing is charged for that part.' : free;
  return { reason: usageSource === 'provider' ? 'provider_reported' : 'counted', explanation: counted + price };
}

/** Outcomes of calls of which the client got no part of an answer. */
const UNANSWERED: ReadonlySet<string> = new Set(['provider_failed', 'provider_refused', 'revoked']);
const REPORTED_IN_VAIN = 'Nothing is charged: a provider reported usage, but the client got no answer.';
const ATTEMPTS_IN_VAIN = 'What providers reported of attempts without an answer is not charged.';
const THE_MOST = `No more than ${formatUsd(CAP_NANO_USD_MAX)} USD are charged for one call.`;
const IMPLAUSIBLE =
  'That is more than such a request can use, or more than the ceiling that it named, so the rest is not charged.';

function nothingOwed({ outcome }: ReasonFields): string {
  switch (outcome) {
    case 'provider_failed':
      return 'Nothing is charged: the provider failed to give an answer.';
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
      return 'The client left, and no usage was reported: the input and the delivered part of the answer were counted.';
    case 'provider_interrupted':
      return 'The provider broke off without a report: the input and the delivered part of the answer were counted.';
    case 'revoked':
      return 'The key leaked, and the call was ended: the input and the delivered part of the answer were counted.';
    case 'orphaned':
      return 'The gateway was killed: the input and what it last recorded as delivered of the answer were counted.';
    default:
      return 'The gateway counted the usage, since the provider reported none.';
  }
}
