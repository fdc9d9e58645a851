import { readFileSync } from 'node:fs';
import {
  accountsOf,
  cycleAccountId,
  cycleOf,
  groupsThatOpen,
  paygAccountId,
  type ActiveSnapshot,
  type CreditReset,
  type OrganizationSnapshot,
} from '@tollgate/api-key';
import { usageRecordedV1, usageRecordedV2, type UsageRecordedV2 } from '@tollgate/contracts';
import { CLOCKS_APART_MS_MAX as APART_MS } from '@tollgate/credit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ADMITTED_WITHIN_MS_MAX, contradiction, implausible, monthsBefore } from './implausible-event.js';

const written = usageRecordedV2.parse(
  JSON.parse(
    readFileSync(
      new URL('../../../../../libs/domain/contracts/src/events/golden/usage-recorded.v2.json', import.meta.url),
      'utf8',
    ),
  ),
);
const nowMs = Date.parse(written.endedAt) + 1_000;
const window = { nowMs, fromMs: monthsBefore(nowMs, 24) };
const at = (ms: number) => new Date(ms).toISOString();
const idOf = (ms: number) => {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`;
};

const golden = { ...written, requestId: idOf(Date.parse(written.startedAt)) };
/** A call of a minute that began with a day, which is a Monday and the first of its month. */
const MIDNIGHT = Date.parse('2026-06-01T00:00:00.000Z');
const atMidnight = { startedAt: at(MIDNIGHT), endedAt: at(MIDNIGHT + 60_000) };
const chargedTo = (...ids: string[]): Partial<UsageRecordedV2> => ({
  ...atMidnight,
  accounts: ['key:k', ...ids].map((accountId) => ({ accountId, capNanoUsd: '10', kind: null, cycle: null })),
});
const endingAt = (ms: number): Partial<UsageRecordedV2> => ({ startedAt: at(ms), endedAt: at(ms) });
const cycleAt = (reset: CreditReset, ms: number): string => cycleAccountId('k', cycleOf(reset, ms));
const quotaOf = (startMs: number, endMs: number): string => paygAccountId('s', { startMs, endMs });

describe('an event that can be true', () => {
  it.each<[string, Partial<UsageRecordedV2>]>([
    ['as it is', {}],
    ['of a gateway whose clock is ten minutes ahead', { endedAt: at(nowMs + APART_MS) }],
    ['of the first moment of the oldest month', { startedAt: at(window.fromMs), requestId: idOf(window.fromMs) }],
    ['with an id that is no UUIDv7', { requestId: 'ffffffff-ffff-4fff-8fff-ffffffffffff' }],
    ['that ended days before it began, by a clock that was set back', { ...chargedTo(cycleAt('daily', MIDNIGHT)), endedAt: at(MIDNIGHT - 4e8) }], // prettier-ignore
    ...(['daily', 'weekly', 'monthly'] as const).flatMap((reset): [string, Partial<UsageRecordedV2>][] => [
      [`in its ${reset} cycle`, chargedTo(cycleAt(reset, MIDNIGHT))],
      [
        `in the ${reset} cycle of a clock that is behind`,
        { ...chargedTo(cycleAt(reset, MIDNIGHT - 1)), ...endingAt(MIDNIGHT + APART_MS - 1) },
      ],
    ]),
    [
      'in the cycle that began while it ran',
      { ...chargedTo(cycleAt('daily', MIDNIGHT)), startedAt: at(MIDNIGHT - 7e6) },
    ],
    ['in the cycle of a clock that is ahead', { ...chargedTo(cycleAt('daily', MIDNIGHT)), startedAt: at(MIDNIGHT - 7e5), endedAt: at(MIDNIGHT - APART_MS) }], // prettier-ignore
    ['in the period of a subscription', chargedTo(quotaOf(MIDNIGHT - 1_000, MIDNIGHT + 1_000))],
  ])('%s', (_what, fields) => {
    expect(implausible({ ...golden, ...fields }, window)).toBeNull();
  });
});

describe('an event that cannot be true at this time names the field', () => {
  const second = 'accounts[1].accountId';
  it.each<[string, string, Partial<UsageRecordedV2>]>([
    ['that ended more than ten minutes ahead', 'endedAt', { endedAt: at(nowMs + APART_MS + 1) }],
    ['that began more than ten minutes ahead', 'startedAt', { startedAt: at(nowMs + APART_MS + 1) }],
    ['whose id is of the year 10889', 'requestId', { requestId: 'ffffffff-ffff-7fff-8fff-ffffffffffff' }],
    ['that began before the oldest month', 'startedAt', { startedAt: at(window.fromMs - 1) }],
    ['of the year 0', 'startedAt', { startedAt: '0000-02-29T00:00:00.000Z' }],
    ['whose id is of before the oldest month', 'requestId', { requestId: idOf(window.fromMs - 1) }],
    ...(['daily', 'weekly', 'monthly'] as const).flatMap((reset): [string, string, Partial<UsageRecordedV2>][] => [
      [
        `in a ${reset} cycle that had ended`,
        second,
        { ...chargedTo(cycleAt(reset, MIDNIGHT - 1)), ...endingAt(MIDNIGHT + APART_MS) },
      ],
      [`in a ${reset} cycle of the future`, second, chargedTo(cycleAt(reset, Date.UTC(2099, 0, 31)))],
    ]),
    ['in a cycle that began hours after the call', second, { ...chargedTo(cycleAt('daily', MIDNIGHT)), startedAt: at(MIDNIGHT - ADMITTED_WITHIN_MS_MAX - APART_MS - 1), endedAt: at(MIDNIGHT + 1) }], // prettier-ignore
    ['in a month of the year 1', second, chargedTo('key:k:monthly:0001-01-01')],
    ['in a month of the year 0', second, chargedTo('key:k:monthly:0000-01-01')],
    ['in a month that begins on the second', second, chargedTo('key:k:monthly:2026-06-02')],
    ['in a week that begins on Tuesday', second, chargedTo('group:g:weekly:2026-06-02')],
    ['in a day that is none', second, chargedTo('project:p:daily:2026-02-30')],
    ['in a period that had ended', second, chargedTo(quotaOf(MIDNIGHT - 9_000_000, MIDNIGHT - APART_MS))],
    ['in a period to come', second, chargedTo(quotaOf(MIDNIGHT + 9_000_000, MIDNIGHT + 10_000_000))],
    ['in a period that ends before it begins', second, chargedTo(quotaOf(MIDNIGHT + 1_000, MIDNIGHT))],
  ])('%s: %s', (_what, field, fields) => {
    expect(implausible({ ...golden, ...fields }, window)?.field).toBe(field);
  });
});

describe('an event that contradicts itself names the field', () => {
  const line = golden.priceLines[0]!;
  const pass = { ...golden.passes[0]!, audioOutputTokens: 1e9 + 1 };
  it.each<[string, string, Partial<UsageRecordedV2>]>([
    ['charged more than an account can hold', 'chargeNanoUsd', { chargeNanoUsd: '9000000000000001' }],
    ['with a billion tokens and one more', 'inputTokens', { inputTokens: 1e9 + 1, textInputTokens: 1e9 + 1 }],
    ['with the highest count that is read', 'outputTokens', { outputTokens: Number.MAX_SAFE_INTEGER }],
    ['with a length of thousands of years', 'durationMs', { durationMs: Number.MAX_SAFE_INTEGER }],
    ['with too many calls of a tool', 'toolCalls', { toolCalls: [{ tool: 'web_search', calls: 1e9 + 1 }] }],
    ['with too many tokens of a pass', 'passes', { passes: [pass] }],
    ['with too many accounts', 'accounts', chargedTo(...Array.from({ length: 1_000 }, (_, n) => `grant:${n}`))],
    ['with too many groups', 'groupIds', { groupIds: Array.from({ length: 1_001 }, (_, n) => `g${n}`) }],
    ['with a model of a thousand characters and one', 'model', { model: 'm'.repeat(1_001) }],
    ['with a status that HTTP has not', 'statusCode', { statusCode: 99_999 }],
    ['with more input from a cache than it has', 'cachedInputTokens', { cachedInputTokens: golden.inputTokens + 1 }],
    ['with more reasoning than output', 'reasoningTokens', { reasoningTokens: golden.outputTokens + 1 }],
    ['with a class of input too large', 'audioInputTokens', { audioInputTokens: golden.inputTokens + 1 }],
    ['with a class of output too large', 'textOutputTokens', { textOutputTokens: golden.outputTokens + 1 }],
    ['with a line too many', 'priceLines', { priceLines: [...golden.priceLines, { ...line, nanoUsd: '1' }] }],
    ['with a line too large', 'priceLines', { priceLines: [{ ...line, nanoUsd: '9999999999999999999' }] }],
    ['with a cost that its lines do not have', 'priceLines', { costNanoUsd: String(BigInt(golden.costNanoUsd) + 1n) }],
    ['with an absurd cost and lines of another', 'priceLines', { costNanoUsd: '9223372036854775807' }],
  ])('%s: %s', (_what, field, fields) => {
    expect(contradiction({ ...golden, ...fields })?.field).toBe(field);
  });

  const KEY = `key:${golden.apiKeyId}`;
  const named = (...ids: string[]): UsageRecordedV2['accounts'] =>
    [KEY, ...ids].map((accountId) => ({ accountId, capNanoUsd: '10', kind: null, cycle: null }));
  const GROUP = golden.groupIds![0]!;
  it.each<[string, string, Partial<UsageRecordedV2>]>([
    ['another key', 'apiKeyId', { accounts: named('key:another') }],
    ['another key in a day', 'apiKeyId', { accounts: named('key:another:daily:2026-11-21') }],
    ['a key whose id begins as its own', 'apiKeyId', { accounts: named(`${KEY}0`) }],
    ['its own key in what is no cycle', 'apiKeyId', { accounts: named(`${KEY}:hourly:2026-11-21`) }],
    ['another organisation', 'organizationId', { accounts: named('organization:another') }],
    ['nobody, which takes losses', 'organizationId', { accounts: named('platform') }],
    ['another project', 'projectId', { accounts: named('project:another') }],
    ['another project in a month', 'projectId', { accounts: named('project:another:monthly:2026-11-01') }],
    ['a group that its key is not in', 'groupIds', { accounts: named('group:another') }],
    ['a group, whose key is in none', 'groupIds', { accounts: named(`group:${GROUP}`), groupIds: [] }],
  ])('with an account of %s: %s', (_what, whose, { accounts, ...fields }) => {
    expect(contradiction({ ...golden, ...fields, accounts: accounts! })).toEqual({
      field: 'accounts[1].accountId',
      reason: `must be an account of ${whose}`,
    });
  });

  const ofAllKinds = named(
    `${KEY}:daily:2026-11-21`,
    `organization:${golden.organizationId}`,
    `project:${golden.projectId!}:monthly:2026-11-01`,
    `group:${GROUP}`,
    'group:a',
    'group:b:weekly:2026-11-16',
    quotaOf(0, 1_000),
    'subscription:s:20261129T233000Z-20261229T233000Z',
    'grant:0199c000-0000-7000-8000-0000000000aa',
    'an account of a release to come',
  );
  it.each<[string, Partial<UsageRecordedV2>]>([
    ['as it is', {}],
    ['with accounts of all that it is of', { accounts: ofAllKinds, routeGroupId: 'a', otherRouteGroupIds: ['b'] }],
    ['that does not say whose it is', { accounts: ofAllKinds, groupIds: null, projectId: null }],
    ['whose provider reported an absurd cost', { costNanoUsd: '9223372036854775807', priceLines: [] }],
    ['with the highest charge', { costNanoUsd: '9000000000000000', chargeNanoUsd: '9000000000000000', priceLines: [] }],
    ['with the highest counts', { inputTokens: 1e9, textInputTokens: 1e9 - 5_300, durationMs: 1e9 }],
  ])('but not one %s', (_what, fields) => {
    expect(contradiction({ ...golden, ...fields })).toBeNull();
  });

  it('of version 1 too', () => {
    const former = usageRecordedV1.parse({ ...golden, eventVersion: 1 });
    expect(contradiction(former)).toBeNull();
    expect(contradiction({ ...former, cachedInputTokens: 9_999 })?.field).toBe('cachedInputTokens');
    expect(contradiction({ ...former, inputTokens: 1e12 })?.field).toBe('inputTokens');
    expect(contradiction({ ...former, accounts: named('group:a', 'project:p') })).toBeNull();
    expect(contradiction({ ...former, accounts: named('key:another') })?.field).toBe('accounts[1].accountId');
  });
});

describe('accounts as gateways name them', () => {
  const id = fc.constantFrom('a', 'b', 'c', '0d9a7c52-6a0e-4f0b-9a53-2f0c7f0e5b11', 'a:daily:2026-11-30');
  const reset = fc.constantFrom<CreditReset>('never', 'daily', 'weekly', 'monthly');
  const lists = { groups: fc.uniqueArray(id), routed: fc.uniqueArray(id) };
  const budget = fc.record({ kind: fc.constantFrom('group' as const, 'project' as const), ownerId: id, reset });
  const life = fc.record({
    ...{
      apiKeyId: id,
      organizationId: id,
      projectId: fc.option(id),
      ...lists,
      reset,
      cap: fc.option(fc.constant('5')),
    },
    ...{ budgets: fc.array(budget), isCapped: fc.boolean(), isSubscribed: fc.boolean(), form: fc.constantFrom(1, 2) },
  });

  it('are of nobody else, whatever limits there are, on any route and in any release', () => {
    fc.assert(
      fc.property(life, ({ apiKeyId, organizationId, projectId, groups, routed, budgets, ...limits }) => {
        const own = [{ accountId: `key:${apiKeyId}`, capNanoUsd: limits.cap }];
        const subscription = {
          subscriptionId: 's',
          anchorMs: MIDNIGHT,
          quotas: [],
          endsAtMs: null,
          payg: { capNanoUsd: '1' },
        };
        const key = {
          ...{ apiKeyId, organizationId, projectId, groups, creditReset: limits.reset },
          // The release of before wrote the account of the organisation into the key's snapshot.
          accounts:
            limits.form === 1 ? [...own, { accountId: `organization:${organizationId}`, capNanoUsd: '9' }] : own,
          ...(limits.isSubscribed ? { subscription } : {}),
        } as unknown as ActiveSnapshot;
        const organization: OrganizationSnapshot = {
          ...{ organizationId, version: 1, state: 'billed', capNanoUsd: limits.isCapped ? '5' : null },
          groupRoutes: Object.fromEntries(routed.map((group) => [group, ['r']])),
          budgets: budgets.map((each) => ({ ...each, capNanoUsd: '5', generation: 1 })),
        };
        const openers = groupsThatOpen(key, organization, 'r');
        const charges = [
          accountsOf(key, organization, MIDNIGHT),
          accountsOf(key, organization, MIDNIGHT, openers),
          accountsOf(key, null, MIDNIGHT),
        ];
        for (const { whole, either } of charges) {
          const accounts = [...whole, ...either].map(({ accountId, capNanoUsd }) => ({ accountId, capNanoUsd }));
          const [routeGroupId = null, ...others] = openers;
          const told = usageRecordedV2.parse({
            ...{ ...golden, apiKeyId, organizationId, projectId, routeGroupId, accounts },
            groupIds: groups.length === 0 ? null : groups,
            ...(others.length > 0 && { otherRouteGroupIds: others }),
          });
          expect(contradiction(told)).toBeNull();
          expect(contradiction(usageRecordedV1.parse({ ...told, eventVersion: 1 }))).toBeNull();
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the oldest month', () => {
  it.each([
    ['2026-11-29T13:00:00.000Z', 24, '2024-11-01T00:00:00.000Z'],
    ['2026-01-31T23:59:59.999Z', 1, '2025-12-01T00:00:00.000Z'],
    ['2026-03-31T00:00:00.000Z', 13, '2025-02-01T00:00:00.000Z'],
  ])('at %s, %s months kept: from %s on', (now, months, first) => {
    expect(at(monthsBefore(Date.parse(now), months))).toBe(first);
  });
});
