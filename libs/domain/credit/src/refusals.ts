import { GRANTS, type AdmissionDecision, type CappedItem, type RefusalMark, type ReserveItem } from './items.js';
import type { OrganizationState } from './organization-state.js';

/** The marks that a decision makes: of quota and pay-as-you-go both have refused. `nowMs` is in ms since 1970. */
export function refusalMarks(
  { accounts, either = [], grants = [], amountNanoUsd: askedNanoUsd }: ReserveItem,
  { accountId, availableNanoUsd: leftNanoUsd }: AdmissionDecision & { readonly kind: 'credit_exhausted' },
  nowMs: number,
): readonly RefusalMark[] {
  const isNamed = (account: CappedItem): boolean => account.accountId === accountId;
  const refused = either.some(isNamed) ? either : accounts.filter(isNamed);
  if (refused.length === 0) {
    const live = grants.filter(({ endMs }) => endMs === null || nowMs < endMs);
    const terms = live.map((grant) => grant.accountId).join('+');
    return [{ accountId: GRANTS, terms, capNanoUsd: null, askedNanoUsd, leftNanoUsd }];
  }
  return refused.map((account) => {
    const { raise } = account;
    const capNanoUsd = raise !== undefined && nowMs < raise.untilMs ? raise.capNanoUsd : account.capNanoUsd;
    return {
      accountId: account.accountId,
      terms: capNanoUsd.toString(),
      capNanoUsd,
      askedNanoUsd,
      leftNanoUsd: isNamed(account) ? leftNanoUsd : null,
    };
  });
}

/** Marks accounts, each once for its terms, and keeps new marks until they are told (`forgetTold`). */
export function noteRefusals(state: OrganizationState, marks: readonly RefusalMark[], nowMs: number): void {
  for (const mark of marks) {
    if (state.refusals.get(mark.accountId) === mark.terms) continue;
    state.refusals.set(mark.accountId, mark.terms);
    state.untold.push({ ...mark, refusedAtMs: nowMs });
  }
}

/** Forgets the first `count` of what is to be told: the others came after they were read. */
export function forgetTold(state: OrganizationState, count: number): void {
  state.untold.splice(0, count);
}
