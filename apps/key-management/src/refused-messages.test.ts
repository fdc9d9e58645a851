import { randomUUID } from 'node:crypto';
import type { BusBatch } from '@tollgate/bus';
import {
  AUDIT_RECORDED_V1,
  KEYS_USED_V1,
  LEAKS_REPORTED_V1,
  ORGANIZATIONS_CHANGED_V1,
  SUBSCRIPTIONS_CHANGED_V1,
} from '@tollgate/contracts';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditRecordedController } from './audit/take-entries/audit-recorded.controller.js';
import { startKeyManagement, type KeyManagementStage } from './key-management-stage.js';
import { KeysUsedController } from './keys/key-use/keys-used.controller.js';
import { LeaksReportedController } from './keys/revoke-leaked-keys/leaks-reported.controller.js';
import { SubscriptionsChangedController } from './keys/take-subscription-terms/subscriptions-changed.controller.js';
import { OrganizationsChangedController } from './organizations/take-billing-terms/organizations-changed.controller.js';

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

const NUL = 'a\u0000b';
const YEAR_0 = '0000-01-01T00:00:00.000Z';

interface Consumer {
  /** Handles a batch of the topic. */
  readonly handle: (batch: BusBatch) => Promise<void>;
  readonly good: object;
  /** Readable messages that the database refuses, in each way that was found. */
  readonly bad: readonly object[];
  /** How many rows show that the good message has arrived. */
  readonly arrived: string;
}

/** Consumers by their topics. The good messages are of this organisation and this key. */
function consumers(organizationId: string, apiKeyId: string): Record<string, Consumer> {
  const terms = {
    subscriptionId: randomUUID(),
    version: 1,
    anchorMs: 0,
    quotas: [{ fromMs: 0, quotaNanoUsd: '5' }],
    endsAtMs: null,
    payg: null,
    markupMillionths: null,
    models: null,
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  };
  const subscription = { eventVersion: 1, organizationId, apiKeyId, terms };
  const organization = { eventVersion: 1, organizationId, version: 1, budgets: [], grants: null, markupMillionths: 7 };
  const used = {
    apiKeyId,
    sequence: 1,
    requests: 1,
    inputTokens: 1,
    outputTokens: 1,
    chargedNanoUsd: '1',
    day: '2026-11-29',
    chargedTodayNanoUsd: '1',
    chargedThisWeekNanoUsd: '1',
    chargedThisMonthNanoUsd: '1',
    lastUsedAt: '2026-11-29T08:00:00.000Z',
    lastUsedFrom: null,
    secrets: [],
  };
  const use = { eventVersion: 1, organizationId, keys: [used] };
  const secret = { secretId: randomUUID(), requests: 1, chargedNanoUsd: '1', lastUsedAt: YEAR_0, addresses: [] };
  const entry = {
    eventVersion: 1,
    entryId: randomUUID(),
    organizationId,
    at: '2026-11-29T08:00:00.000Z',
    actor: { type: 'operator', id: null },
    address: null,
    requestId: null,
    action: 'budget.updated',
    target: { type: 'budget', id: apiKeyId },
    before: null,
    after: null,
    details: {},
  };
  const leak = { eventVersion: 1, findingId: 'f', digest: '0'.repeat(64), origin: 'o', reportedAt: entry.at };
  const of = <C extends object>(controller: new (...parts: never[]) => C): C => stage.app.get(controller);
  return {
    [ORGANIZATIONS_CHANGED_V1]: {
      handle: (batch) => of(OrganizationsChangedController).onOrganizationsChanged(batch),
      good: organization,
      bad: [
        {
          ...organization,
          organizationId: 'default',
          grants: [{ grantId: NUL, amountNanoUsd: '1', expiresAtMs: null }],
        },
        {
          ...organization,
          organizationId: 'default',
          prices: { version: '0123456789ab', entries: [{ model: NUL }] },
        },
      ],
      arrived: `SELECT count(*) FROM keys.organization WHERE id = $1 AND billing_version = 1`,
    },
    [SUBSCRIPTIONS_CHANGED_V1]: {
      handle: (batch) => of(SubscriptionsChangedController).onSubscriptionsChanged(batch),
      good: subscription,
      bad: [
        { ...subscription, apiKeyId: randomUUID(), terms: { ...terms, models: [NUL] } },
        { ...subscription, apiKeyId: 'no uuid' },
      ],
      arrived: `SELECT count(*) FROM keys.api_key WHERE organization_id = $1`,
    },
    [KEYS_USED_V1]: {
      handle: (batch) => of(KeysUsedController).onKeysUsed(batch),
      good: use,
      bad: [
        { ...use, keys: [{ ...used, apiKeyId: randomUUID(), lastUsedAt: YEAR_0 }] },
        { ...use, keys: [{ ...used, apiKeyId: randomUUID(), day: '0000-01-01' }] },
        { ...use, keys: [{ ...used, apiKeyId: randomUUID(), secrets: [secret] }] },
      ],
      arrived: `SELECT count(*) FROM keys.api_key_use WHERE organization_id = $1`,
    },
    [AUDIT_RECORDED_V1]: {
      handle: (batch) => of(AuditRecordedController).onAuditRecorded(batch),
      good: entry,
      bad: [
        { ...entry, entryId: randomUUID(), at: YEAR_0 },
        { ...entry, entryId: randomUUID(), target: { type: NUL, id: NUL }, requestId: NUL, action: NUL },
        { ...entry, entryId: randomUUID(), target: { type: 'x', id: '\u{1f600}'.repeat(100) } },
      ],
      arrived: `SELECT count(*) FROM keys.audit_received WHERE organization_id = $1 AND entry_id = '${entry.entryId}'`,
    },
    [LEAKS_REPORTED_V1]: {
      handle: (batch) => of(LeaksReportedController).onLeaksReported(batch),
      good: leak,
      bad: [
        { ...leak, origin: NUL },
        { ...leak, digest: NUL },
      ],
      arrived: 'SELECT count(*) FROM keys.organization WHERE id = $1',
    },
  };
}

async function made(path: string, organizationId?: string): Promise<string> {
  const reply = await stage.app.inject({
    method: 'POST',
    url: `/v1/${path}`,
    headers: {
      authorization: 'Bearer the-admin-secret-of-the-test',
      ...(organizationId !== undefined && { 'x-organization-id': organizationId }),
    },
    payload: { name: 'made' },
  });
  return reply.json<{ id: string }>().id;
}

describe('a message that the database refuses', () => {
  it.each(Object.keys(consumers('o', 'k')))('of %s costs none of those before and behind it', async (topic) => {
    const organizationId = await made('organizations');
    const { handle, good, bad, arrived } = consumers(organizationId, await made('api-keys', organizationId))[topic]!;
    const [before, ...behind] = bad;
    await handle({
      topic,
      partition: 0,
      messages: [before, good, ...behind].map((message, at) => ({
        offset: BigInt(at),
        part: 0,
        key: 'k',
        value: JSON.stringify(message),
      })),
    });
    const [row]: { count: string }[] = await stage.database.dataSource.query(arrived, [organizationId]);
    expect(Number(row?.count)).toBe(1);
  });
});
