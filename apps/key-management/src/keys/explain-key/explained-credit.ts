import { creditRefusal } from '@tollgate/access';
import { cycleOfAccount, kindOfAccount, limitOf, type AccountKind, type KeyAccounts } from '@tollgate/api-key';
import {
  creditItemsOf,
  creditLeft,
  formatUsd,
  GRANTS,
  isGoverned,
  lackingCredit,
  type CappedItem,
  type CreditItems,
  type GrantItem,
} from '@tollgate/credit';
import { ERRORS, unreachable, type ErrorCode } from '@tollgate/errors';
import type { Balances } from './balance-lookup.js';

/** What calls of a key are charged to on a route, and what is known of it. */
export interface ExplainedCredit {
  /** Whether calls of the endpoint cost nothing, so that neither credit nor prices are looked at. */
  readonly isFree: boolean;
  readonly accounts: KeyAccounts;
  readonly balances: Balances;
  /** Whether the price of any target is known that the key may reach; null without a route. */
  readonly isPriced: boolean | null;
}

/** The rules about money, in the order in which a gateway checks them; rate limits stand between the first two. */
const CREDIT_RULES = ['price', 'credit', 'organization_credit', 'budgets', 'subscription', 'balance'] as const;
type CreditRule = (typeof CREDIT_RULES)[number];

/** What one rule says; `passes` is null where it was not asked, or cannot be told here. */
interface CheckedCredit {
  readonly rule: CreditRule;
  readonly passes: boolean | null;
  readonly value: unknown;
}

/** What the rules about money say, and the first that stops a call; null if none does. */
export interface CheckedCredits {
  readonly checked: readonly CheckedCredit[];
  readonly stop: (CheckedCredit & { code: ErrorCode; message: string; resetsAt: Date | null }) | null;
}

const RULE_OF: Readonly<Record<AccountKind, CreditRule>> = {
  key: 'credit',
  organization: 'organization_credit',
  group: 'budgets',
  project: 'budgets',
  subscription: 'subscription',
  payg: 'subscription',
  grant: 'balance',
};
const ruleOf = (accountId: string): CreditRule => RULE_OF[kindOfAccount(accountId) ?? 'grant'];

/**
 * Says what would refuse a call for its price or for credit, by the decision of admission about a call that costs as
 * little as can be. Where a balance is not known, only a limit of nothing refuses for sure.
 */
export function explainCredit(credit: ExplainedCredit, nowMs: number): CheckedCredits {
  const { balances, isFree, isPriced } = credit;
  const items = creditItemsOf(credit.accounts);
  const isLimited = isGoverned(items);
  const lacking = lackingCredit(items, balances, nowMs);
  const checked = CREDIT_RULES.map((rule): CheckedCredit => {
    if (rule === 'price') {
      const passes = isPriced === null || isFree ? null : isPriced || !isLimited;
      return { rule, passes, value: isPriced === null ? null : { is_known: isPriced, is_limited: isLimited } };
    }
    const own = itemsOf(rule, items);
    const value = valueOf(rule, own, balances, nowMs);
    return { rule, passes: isFree ? null : passesAlone(rule, own, items, balances, nowMs), value };
  });
  const checkedRule = (rule: CreditRule): CheckedCredit => checked.find((each) => each.rule === rule)!;
  if (isFree) return { checked, stop: null };
  const price = checkedRule('price');
  if (price.passes === false)
    return {
      checked,
      stop: { ...price, code: 'unpriced_model', message: ERRORS.unpriced_model.message, resetsAt: null },
    };
  if (lacking === null) return { checked, stop: null };
  const { accountId, availableNanoUsd } = lacking;
  const { code, name } = creditRefusal(accountId);
  const resetsAt = endOf(accountId);
  const resets = resetsAt === null ? '' : ` The limit resets at ${resetsAt.toISOString().replace('.000Z', 'Z')}.`;
  const message = `The ${name} has ${formatUsd(availableNanoUsd)} USD left.${resets}`;
  return { checked, stop: { ...checkedRule(ruleOf(accountId)), code, message, resetsAt } };
}

/** Those of the accounts that a rule is about. */
function itemsOf(rule: CreditRule, { accounts, either, grants }: CreditItems): CreditItems {
  return {
    accounts: accounts.filter(({ accountId }) => ruleOf(accountId) === rule),
    either: rule === 'subscription' ? either : undefined,
    grants: rule === 'balance' ? grants : undefined,
  };
}

/** What a rule says by itself; null where nobody could say what is used. */
function passesAlone(
  rule: CreditRule,
  own: CreditItems,
  { either }: CreditItems,
  balances: Balances,
  nowMs: number,
): boolean | null {
  if (lackingCredit(own, balances, nowMs) !== null) {
    // What the quota of a subscription takes is paid for already.
    const quota = rule === 'balance' ? either?.slice(0, 1) : undefined;
    if (quota === undefined || lackingCredit({ ...NO_ITEMS, either: quota }, balances, nowMs) !== null) return false;
  }
  const all = [...own.accounts, ...(own.either ?? []), ...(own.grants ?? [])];
  return all.every(({ accountId }) => balances.has(accountId)) ? true : null;
}

const NO_ITEMS: CreditItems = { accounts: [], either: undefined, grants: undefined };

/** What a rule compares; null for a limit that the key does not have. */
function valueOf(rule: CreditRule, own: CreditItems, balances: Balances, nowMs: number): unknown {
  const shown = own.accounts.map((item) => limitObject(item, balances, nowMs));
  switch (rule) {
    case 'budgets':
      return shown.length === 0 ? null : shown;
    case 'subscription':
      if (own.either === undefined) return null;
      const [quota, payg] = own.either.map((item) => limitObject(item, balances, nowMs));
      return { quota, payg: payg ?? null };
    case 'balance':
      return own.grants === undefined ? null : balanceObject(own.grants, balances, nowMs);
    case 'price':
    case 'credit':
    case 'organization_credit':
      return shown[0] ?? null;
    default:
      return unreachable(rule);
  }
}

/** A limit with what is used and left of it. What calls in flight hold is neither. */
function limitObject({ accountId, capNanoUsd, raise }: CappedItem, balances: Balances, nowMs: number) {
  const cap = raise !== undefined && nowMs < raise.untilMs ? raise.capNanoUsd : capNanoUsd;
  const balance = balances.get(accountId);
  const { reset } = cycleOfAccount(accountId);
  const kind = kindOfAccount(accountId);
  const ownerId = limitOf(accountId).replace(/^[^:]*:/, '');
  return {
    ...((kind === 'group' || kind === 'project') && { [`${kind}_id`]: ownerId }),
    credit_limit_usd: formatUsd(cap),
    credit_used_usd: balance === undefined ? null : formatUsd(balance.postedNanoUsd),
    credit_held_usd: balance === undefined ? null : formatUsd(balance.heldNanoUsd),
    credit_left_usd:
      balance === undefined ? null : formatUsd(atLeastNothing(cap - balance.postedNanoUsd - balance.heldNanoUsd)),
    credit_reset: reset === 'subscription' ? 'monthly' : reset,
    resets_at: endOf(accountId)?.toISOString() ?? null,
  };
}

/** The balance of an organisation that pays beforehand: of all grants that have not expired together. */
function balanceObject(grants: readonly GrantItem[], balances: Balances, nowMs: number) {
  const open = grants.filter(({ endMs }) => endMs === null || nowMs < endMs);
  const left = creditLeft({ accounts: [], grants: open }, balances, nowMs);
  const isKnown = left !== null && open.every(({ accountId }) => balances.has(accountId));
  return { balance: 'prepaid', grants: open.length, credit_left_usd: isKnown ? formatUsd(left) : null };
}

const atLeastNothing = (amount: bigint): bigint => (amount > 0n ? amount : 0n);

/** The end of the cycle that an account is for; null for one that is for good. */
function endOf(accountId: string): Date | null {
  const { endMs } = cycleOfAccount(accountId === GRANTS ? '' : accountId);
  return Number.isFinite(endMs) ? new Date(endMs) : null;
}
