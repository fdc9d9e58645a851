export { CAP_NANO_USD_MAX, formatUsd, readUsd } from './money.js';
export { ANSWERS_KEPT, answersName, MODELS_KEPT, type KeyAnswers } from './answers.js';
export { gcraCorrect, gcraLeft, gcraTake, WINDOW_US } from './gcra.js';
export type {
  AdmissionDecision,
  CappedItem,
  GrantItem,
  HeldPart,
  LoadItem,
  OpenHold,
  RateLimitsItem,
  RateState,
  ReserveItem,
  SettleItem,
} from './items.js';
export {
  balanceOf,
  emptyOrganization,
  type AccountBalance,
  type KeyRate,
  type OrganizationState,
} from './organization-state.js';
export { GRANTS, isGoverned } from './find-credit.js';
export { creditItemsOf, type CreditItems } from './credit-items.js';
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
export { forgetTold, noteRefusals, refusalMarks, type CreditRefusal, type RefusalMark } from './refusals.js';
export { dropEndedCycles, isLongEnded } from './drop-ended-cycles.js';
export { CLOCKS_APART_MS_MAX, loadAccounts } from './load-accounts.js';
