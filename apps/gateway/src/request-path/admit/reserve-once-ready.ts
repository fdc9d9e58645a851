import { setTimeout as pause } from 'node:timers/promises';
import type { Admission } from '@tollgate/admission';
import { cycleOfAccount, kindOfAccount } from '@tollgate/api-key';
import type { LoadAccountRequest } from '@tollgate/contracts';
import type { AdmissionDecision, ReserveItem } from '@tollgate/credit';
import { unreachable } from '@tollgate/errors';
import type { Routed } from '../exchange/exchange.js';
import { markUpOf } from '../exchange/mark-up.js';
import type { CachedKey } from '../identify-key/cached-key.js';
import type { KeyCache } from '../identify-key/key-cache.js';
import type { KeyCharge } from '../identify-key/key-charge.js';
import type { AccountLoads } from './account-loads.js';
import { boundCost } from './cost-bound.js';
import type { CreditEpochs } from './credit-epochs.js';

/** How long a request waits until its credit can be decided, before it is answered 503. */
const WAIT_MS_MAX = 2_000;
const POLL_MS = 20;
/** A cycle can end once while a request is tried; more often only where a clock jumps. */
const REJOINS_MAX = 3;

/** A reserve and its decision. */
export interface Tried {
  readonly item: ReserveItem;
  readonly decision: AdmissionDecision;
}

/** The parts by which a reserve is tried again. */
export interface ReadyParts {
  readonly admission: Pick<Admission, 'reserve'>;
  readonly epochs: Pick<CreditEpochs, 'open' | 'noteUnusable' | 'noteUsable'>;
  readonly keys: Pick<KeyCache, 'inCycleAt'>;
  readonly loads: Pick<AccountLoads, 'load'>;
}

/**
 * Tries a reserve again until it can be decided: the organisation has an epoch that waits for no gateway, its accounts
 * are of the present cycle by the time of admission, and they are loaded. Gives up after `waitMsMax`. A key of another
 * cycle is joined anew, and the exchange has the joined key from then on: what is reserved on an account is charged to
 * that account, at the mark-up of the plan of that cycle.
 */
export async function reserveOnceReady(
  exchange: Routed,
  first: Tried,
  parts: ReadyParts,
  waitMsMax = WAIT_MS_MAX,
): Promise<Tried> {
  const { admission, epochs, keys, loads } = parts;
  const { organizationId } = first.item;
  let { item, decision } = first;
  const deadline = performance.now() + waitMsMax;
  let rejoins = 0;
  let loaded = '';
  while (decision.kind === 'unavailable' && performance.now() < deadline) {
    switch (decision.why) {
      case 'store_unreachable':
      case 'store_full':
        return { item, decision };
      case 'other_cycle': {
        if (++rejoins > REJOINS_MAX) return { item, decision };
        const rejoined = inCycleOf(keys.inCycleAt(exchange.key, decision.nowMs), exchange, item);
        if (rejoined === null) return { item, decision };
        item = rejoined;
        break;
      }
      case 'not_loaded':
        // A load of just now may not be seen at once; without a pause the account would be asked for without end.
        if (loaded === decision.accountId) await pause(POLL_MS);
        loaded = decision.accountId;
        await atMost(deadline, loads.load(loadOf(item, decision.accountId)));
        break;
      case 'no_epoch':
        epochs.noteUnusable(organizationId, decision.why);
        await atMost(deadline, epochs.open(organizationId));
        break;
      case 'announcing':
      case 'no_lease':
        epochs.noteUnusable(organizationId, decision.why);
        await pause(POLL_MS);
        break;
      default:
        return unreachable(decision);
    }
    if (performance.now() < deadline) decision = await admission.reserve(item);
  }
  if (decision.kind !== 'unavailable') epochs.noteUsable(organizationId);
  return { item, decision };
}

/**
 * The reserve on the accounts of the cycle that a key is joined for, at the mark-up of its plan; null where it cannot
 * be said any more what the request may cost.
 */
function inCycleOf(key: CachedKey, exchange: Routed, item: ReserveItem): ReserveItem | null {
  const former = markUpOf(exchange);
  exchange.key = key;
  exchange.charge = key.charges.on(exchange.route);
  const rejoined = { ...item, ...accountsOf(exchange.charge) };
  if (markUpOf(exchange) === former) return rejoined;
  const bound = boundCost(exchange);
  return 'kind' in bound ? null : { ...rejoined, amountNanoUsd: bound.amountNanoUsd };
}

function atMost(deadline: number, done: Promise<unknown>): Promise<unknown> {
  return Promise.race([done, pause(Math.max(0, deadline - performance.now()), undefined, { ref: false })]);
}

function accountsOf({ accounts, either, grants }: KeyCharge): Pick<ReserveItem, 'accounts' | 'either' | 'grants'> {
  return { accounts, either, grants };
}

/** What usage-billing must know to load an account. Only limits of keys, organisations, groups and projects need it. */
function loadOf(
  { organizationId, apiKeyId, accounts, either = [] }: ReserveItem,
  accountId: string,
): LoadAccountRequest {
  const { generation = 0, cycle } = [...accounts, ...either].find((each) => each.accountId === accountId) ?? {};
  const { reset } = cycleOfAccount(accountId);
  return {
    organizationId,
    accountId,
    apiKeyId: kindOfAccount(accountId) === 'key' ? apiKeyId : null,
    reset: reset === 'subscription' ? 'never' : reset,
    startMs: cycle?.startMs ?? null,
    generation,
  };
}
