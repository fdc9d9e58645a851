export { CAP_NANO_USD_MAX, formatUsd, readUsd } from './money.js';
export { ANSWERS_KEPT, answersName, MODELS_KEPT, type KeyAnswers } from './answers.js';
export { gcraCorrect, gcraLeft, gcraTake, WINDOW_US } from './gcra.js';
export {
  GRANTS,
  type AdmissionDecision,
  type CappedItem,
  type CreditRefusal,
  type GrantItem,
  type HeldPart,
  type LoadItem,
  type OpenHold,
  type RateLimitsItem,
  type RateState,
  type RefusalMark,
  type ReserveItem,
  type SettleItem,
} from './items.js';
export {
  balanceOf,
  emptyOrganization,
  type AccountBalance,
  type KeyRate,
  type OrganizationState,
} from './organization-state.js';
export { isGoverned } from './find-credit.js';
export { creditItemsOf, type CreditItems } from './credit-items.js';
export { creditLeft } from './credit-left.js';
export { lackingCredit, type LackingCredit } from './lacking-credit.js';
export { carriedHold, carry, otherAccountsOf, type CarriedHold } from './carry.js';
export { remainingOf } from './remaining.js';
export { reserve } from './reserve.js';
export { splitCharge } from './split-charge.js';
export { leave } from './leave.js';
export { settle, settleBooked, type BookedItem } from './settle.js';
export {
  announce,
  closeEpoch,
  openEpoch,
  type AnnouncedFinal,
  type EpochContents,
  type PostedAccount,
} from './epoch.js';
export { forgetTold, noteRefusals, refusalMarks } from './refusals.js';
export { dropEndedCycles, isLongEnded } from './drop-ended-cycles.js';
export { CLOCKS_APART_MS_MAX, loadAccounts } from './load-accounts.js';
