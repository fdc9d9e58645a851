import {
  accessRefusalText,
  type AccessRule,
  type AccessStop,
  type ExplainedAccess,
  type KeyEnd,
} from '@tollgate/access';
import { ERRORS, type ErrorCode } from '@tollgate/errors';
import { stateOf, type ApiKey } from '../api-key/api-key.js';
import { explainCredit, type ExplainedCredit } from './explained-credit.js';

/** The rules in the order in which a gateway checks them, under the names that the admin API has for them. */
export const RULES = [
  'state',
  'allowed_ips',
  'browser_use',
  'scopes',
  'route',
  'groups',
  'models',
  'provider',
  'price',
  'rate_limits',
  'credit',
  'organization_credit',
  'budgets',
  'subscription',
  'balance',
] as const;
type Rule = (typeof RULES)[number];

/** What one rule says, with what it compares; `passes` is null where it was not asked, or cannot be told here. */
interface ExplainedRule {
  readonly rule: Rule;
  readonly passes: boolean | null;
  readonly value: unknown;
}

/** What stops a use of a key, or that nothing does. */
export interface Explanation {
  readonly stop: {
    readonly rule: Rule;
    readonly code: ErrorCode;
    readonly message: string;
    readonly value: unknown;
    readonly resetsAt: Date | null;
  } | null;
  readonly checked: readonly ExplainedRule[];
}

/** What an explanation is made of. */
export interface ExplainedFacts {
  readonly key: ApiKey;
  readonly model: string | null;
  readonly nowMs: number;
  readonly access: Pick<ExplainedAccess, 'checked' | 'stop'>;
  /** The groups that have the route that the model leads to, or whose model it leads to. */
  readonly route: {
    readonly name: string;
    readonly groups: readonly { readonly id: string; readonly name: string }[];
  } | null;
  /** Whether this process knows which providers can be called. */
  readonly providersKnown: boolean;
  readonly credit: ExplainedCredit;
}

const NAMES: Readonly<Record<AccessRule, Rule>> = {
  state: 'state',
  address: 'allowed_ips',
  browser: 'browser_use',
  scope: 'scopes',
  route: 'route',
  access: 'groups',
  model: 'models',
  provider: 'provider',
};

/** What all rules say about one use of a key: those of access, and then its limits. */
export function explanationOf(facts: ExplainedFacts): Explanation {
  const { access, providersKnown } = facts;
  const ofAccess = access.checked.map(({ rule, passes }) => ({
    rule: NAMES[rule],
    passes: rule === 'provider' && !providersKnown && passes === true ? null : passes,
    value: valueOf(rule, facts),
  }));
  const credit = explainCredit(facts.credit, facts.nowMs);
  const [price, ...limits] = credit.checked;
  return {
    stop: access.stop === null ? credit.stop : stopOfAccess(facts, access.stop),
    checked: [...ofAccess, ...(price === undefined ? [] : [price]), rateRule(facts), ...limits],
  };
}

function valueOf(rule: AccessRule, { key, nowMs, route }: ExplainedFacts): unknown {
  const values: Readonly<Record<AccessRule, () => unknown>> = {
    state: () => ({
      state: stateOf(key, new Date(nowMs)),
      expires_at: key.expiresAt?.toISOString() ?? null,
      disabled_at: key.disabledAt?.toISOString() ?? null,
      revoked_at: key.revocation?.at.toISOString() ?? null,
      secrets: key.secrets
        .filter(({ end }) => end === null)
        .map(({ id, maskedKey, endsAt }) => ({ id, masked_key: maskedKey, ends_at: endsAt?.toISOString() ?? null })),
    }),
    address: () => key.allowedIps,
    browser: () => key.browserUse,
    scope: () => key.scopes,
    route: () => route?.name ?? null,
    access: () => route?.groups ?? null,
    model: () => key.models,
    provider: () => null,
  };
  return values[rule]();
}

function stopOfAccess(facts: ExplainedFacts, stop: AccessStop): Explanation['stop'] {
  const own = stop.rule === 'state' ? stateText(facts, stop.code) : accessRefusalText(stop, facts.model ?? '');
  const rule: AccessRule = stop.rule === 'project_key' ? 'scope' : stop.rule;
  return {
    rule: NAMES[rule],
    code: stop.code,
    message: own ?? ERRORS[stop.code].message,
    value: valueOf(rule, facts),
    resetsAt: null,
  };
}

/** Whom a gateway does not tell more than that a key is not valid, its organisation may know why. */
function stateText({ key, nowMs }: ExplainedFacts, code: KeyEnd): string {
  if (code === 'subscription_expired')
    return 'The subscription of the API key has ended by then. A new one has a new key.';
  const state = stateOf(key, new Date(nowMs));
  if (state === 'disabled') return 'The API key is disabled. It can be used again once it is enabled.';
  return state === 'expired'
    ? 'The API key has expired by then. A later expires_at revives it.'
    : 'The API key has been revoked, for good. Make a new one.';
}

function rateRule({ key: { rateLimits } }: ExplainedFacts): ExplainedRule {
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = rateLimits;
  const unlimited = requestsPerMinute === null && tokensPerMinute === null && parallelRequests === null;
  return {
    rule: 'rate_limits',
    // What is left of them changes with every call, and the gateways alone count it.
    passes: unlimited ? true : null,
    value: {
      requests_per_minute: requestsPerMinute,
      tokens_per_minute: tokensPerMinute,
      parallel_requests: parallelRequests,
    },
  };
}
