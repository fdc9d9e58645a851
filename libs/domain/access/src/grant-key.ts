/* eslint-disable no-restricted-globals -- Date only writes a moment out here: no function asks it for the time. */
import { parseSubnet, type BrowserUse, type CreditReset, type RateLimits, type Scope } from '@tollgate/api-key';
import { formatUsd } from '@tollgate/credit';
import { scopesAbove } from './may-grant.js';
import type { Principal } from './principal.js';
import { matchesWildcard } from './wildcard.js';

/** What a key may do and for how long: all that a caller could be given more of than it has itself. */
export interface KeyReach {
  readonly scopes: readonly Scope[];
  /** Milliseconds since 1970; null never expires. */
  readonly expiresAtMs: number | null;
  readonly creditLimitNanoUsd: bigint | null;
  readonly creditReset: CreditReset;
  readonly rateLimits: RateLimits;
  readonly models: readonly string[] | null;
  readonly allowedIps: readonly string[] | null;
  readonly browserUse: BrowserUse;
  readonly projectId: string | null;
  readonly groupIds: readonly string[];
}

/** Who gives a key something: who asks and, where that is an API key, the reach of that key. */
export type KeyGiver =
  | { readonly principal: Exclude<Principal, { readonly kind: 'api_key' }>; readonly reach: null }
  | { readonly principal: Extract<Principal, { readonly kind: 'api_key' }>; readonly reach: KeyReach };

/** A setting that would give more than the giver has, under its name in the admin API, and what it may be instead. */
export interface GrantFault {
  readonly path: string;
  readonly message: string;
}

/**
 * The settings of `asked` that are above what the giver has; empty if it may give all. A person and the operator give
 * what their role may give. An API key is bound by its own restrictions too: no key that it makes, changes, imports or
 * rotates lasts longer, spends more, or reaches more than it does. For a change, `before` is the key as it was: what
 * the change leaves as it is, is not given, but whoever may not give a key its scopes may not change its reach at all.
 *
 * @example
 * grantFaults(giver, { ...asked, expiresAtMs: null }); // [{ path: 'expires_at', message: 'must be at most …' }]
 */
export function grantFaults(giver: KeyGiver, asked: KeyReach, before: KeyReach | null = null): readonly GrantFault[] {
  const given = before === null ? RULES : RULES.filter(({ isGiven }) => isGiven(before, asked));
  if (given.length === 0) return [];
  const rules = given.includes(SCOPES) ? given : [SCOPES, ...given];
  return rules.flatMap(({ path, fault }) => {
    const message = fault(giver, asked);
    return message === null ? [] : [{ path, message }];
  });
}

interface Rule {
  readonly path: string;
  /** Whether a change from `before` to `asked` gives what the rule is about. */
  readonly isGiven: (before: KeyReach, asked: KeyReach) => boolean;
  /** What is wrong with a key of the reach `asked`; null for nothing. */
  readonly fault: (giver: KeyGiver, asked: KeyReach) => string | null;
}

const SCOPES: Rule = {
  path: 'scopes',
  isGiven: (before, asked) => !isSame(before.scopes, asked.scopes),
  fault: ({ principal }, { scopes }) => {
    const above = scopesAbove(principal, scopes);
    return above.length === 0 ? null : `must not have ${above.join(', ')}, which you may not give`;
  },
};

const LIKE_YOURS = 'that the list of the key that asks allows';

/** A rule for keys that give: what they have of a setting bounds what they give of it. */
function ofKeys<Value>(
  path: string,
  value: (reach: KeyReach) => Value,
  fault: (own: Value, asked: Value) => string | null,
  isGiven: Rule['isGiven'] = (before, asked) => !isSame(value(before), value(asked)),
): Rule {
  return {
    path,
    isGiven,
    fault: ({ reach }, asked) => (reach === null ? null : fault(value(reach), value(asked))),
  };
}

/** How much a limit is depends on how often it begins anew, so another cycle gives the whole limit again. */
const isLimitGiven = (before: KeyReach, asked: KeyReach): boolean =>
  before.creditLimitNanoUsd !== asked.creditLimitNanoUsd || before.creditReset !== asked.creditReset;

/** A larger limit gives more in each of its cycles; a smaller one in the same cycle gives nothing. */
const isResetGiven = (before: KeyReach, asked: KeyReach): boolean =>
  before.creditReset !== asked.creditReset || !within(before.creditLimitNanoUsd, asked.creditLimitNanoUsd);

const RULES: readonly Rule[] = [
  SCOPES,
  ofKeys(
    'expires_at',
    ({ expiresAtMs }) => expiresAtMs,
    (own, asked) =>
      within(own, asked) ? null : `must be at most ${new Date(own ?? 0).toISOString()}, when the key that asks expires`,
  ),
  ofKeys(
    'credit_limit_usd',
    ({ creditLimitNanoUsd }) => creditLimitNanoUsd,
    (own, asked) =>
      within(own, asked) ? null : `must be at most ${formatUsd(own ?? 0n)}, the limit of the key that asks`,
    isLimitGiven,
  ),
  ofKeys(
    'credit_reset',
    ({ creditLimitNanoUsd, creditReset }) => (creditLimitNanoUsd === null ? null : creditReset),
    (own, asked) =>
      own === null || asked === null || RESETS_WITHIN[own].includes(asked)
        ? null
        : `must be ${RESETS_WITHIN[own].join(' or ')}, as the limit of the key that asks begins anew ${own}`,
    isResetGiven,
  ),
  rateRule('requests_per_minute', 'requestsPerMinute'),
  rateRule('tokens_per_minute', 'tokensPerMinute'),
  rateRule('parallel_requests', 'parallelRequests'),
  ofKeys(
    'models',
    ({ models }) => models,
    (own, asked) => (listWithin(own, asked, isModelWithin) ? null : `must list only models ${LIKE_YOURS}`),
  ),
  ofKeys(
    'allowed_ips',
    ({ allowedIps }) => allowedIps,
    (own, asked) => (listWithin(own, asked, isSubnetWithin) ? null : `must list only addresses ${LIKE_YOURS}`),
  ),
  ofKeys(
    'browser_use',
    ({ browserUse }) => browserUse,
    (own, asked) => (own === 'refused' && asked !== own ? 'must be refused, as for the key that asks' : null),
  ),
  ofKeys(
    'project_id',
    ({ projectId }) => projectId,
    (own, asked) => (own === null || own === asked ? null : 'must be the project of the key that asks'),
  ),
  // A group opens routes that are closed to keys outside it, so to be in none is the least, not the most.
  ofKeys(
    'groups',
    ({ groupIds }) => groupIds,
    (own, asked) =>
      asked.every((id) => own.includes(id)) ? null : 'must list only groups that the key that asks is in',
  ),
];

/**
 * The cycles that a limit may have which another one bounds: each cycle of the bounding limit must lie within one of
 * its cycles. A week is in no month as a whole.
 */
const RESETS_WITHIN: Readonly<Record<CreditReset, readonly CreditReset[]>> = {
  never: ['never'],
  monthly: ['never', 'monthly'],
  weekly: ['never', 'weekly'],
  daily: ['never', 'daily', 'weekly', 'monthly'],
};

function rateRule(name: string, field: keyof RateLimits): Rule {
  return ofKeys(
    `rate_limits.${name}`,
    ({ rateLimits }) => rateLimits[field],
    (own, asked) => (within(own, asked) ? null : `must be at most ${own}, as for the key that asks`),
  );
}

/** Null is no bound, as everywhere in a key. */
const within = (own: number | bigint | null, asked: number | bigint | null): boolean =>
  own === null || (asked !== null && asked <= own);

function listWithin(
  own: readonly string[] | null,
  asked: readonly string[] | null,
  isWithin: (own: string, asked: string) => boolean,
): boolean {
  if (own === null) return true;
  return asked !== null && asked.every((each) => own.some((one) => isWithin(one, each)));
}

/**
 * Whether a pattern matches every name that another one matches. No name of a route has an asterisk, so the pattern
 * sees that of the other one as a character that only an asterisk of its own can stand for.
 */
const isModelWithin = (own: string, asked: string): boolean => matchesWildcard(own, asked);

/** Whether each address of a subnet lies in another one. One that cannot be read lies in none. */
function isSubnetWithin(own: string, asked: string): boolean {
  const [outer, inner] = [parseSubnet(own), parseSubnet(asked)];
  if (outer === null || inner === null || outer.family !== inner.family) return false;
  if (inner.prefixLength < outer.prefixLength) return false;
  const width = outer.family === 'ipv4' ? 32n : 128n;
  const hostBits = width - BigInt(outer.prefixLength);
  return addressBits(outer.address) >> hostBits === addressBits(inner.address) >> hostBits;
}

/** The bits of an address that `parseSubnet` has read. */
function addressBits(address: string): bigint {
  if (!address.includes(':')) return bytesToBits(address.split('.').map(Number), 8n);
  const withoutDots = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = '', tail] = withoutDots.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [left, right] = [words(head), words(tail ?? '')];
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  return bytesToBits([...left, ...zeros, ...right], 16n);
}

const bytesToBits = (parts: readonly number[], bits: bigint): bigint =>
  parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n);

const isSame = (one: unknown, other: unknown): boolean => textOf(one) === textOf(other);
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? each.toString() : each));
