import { randomUUID } from 'node:crypto';
import { MemoryAdmission, type BookedSettle, type EpochOpening } from '@tollgate/admission';
import type { BusBatch } from '@tollgate/bus';
import {
  USAGE_RECORDED_V1,
  type KeyManagementApi,
  type UsageRecordedV1,
  type UsageRecordedV2,
} from '@tollgate/contracts';
import { infraFromEnvironment, tempFolder } from '@tollgate/infra';
import {
  migrate,
  openDatabase,
  ServiceDatabase,
  startEmbeddedPostgres,
  type Database,
  type MigrateOptions,
} from '@tollgate/postgres';
import { createLogger } from '@tollgate/telemetry';
import { AuditRecords, BillingRelay, ScreenEvents, usageBillingSchema } from '@tollgate/usage-billing';

const embeddedPostgres = {
  shape: 'embedded Postgres',
  open: async (schema = usageBillingSchema) => {
    const embedded = await startEmbeddedPostgres(tempFolder('billing'));
    return opened(schema, embedded.url, embedded.close);
  },
};
export const postgresServer = {
  shape: 'Postgres server',
  open: async (schema = usageBillingSchema) =>
    opened(schema, await infraFromEnvironment().createDatabase(), async () => undefined),
};

/** The two kinds of Postgres that usage-billing runs on, with its schema. */
export const databaseShapes = [embeddedPostgres, postgresServer];

export interface OpenedDatabase {
  readonly url: string;
  readonly database: Database;
  close(): Promise<void>;
}

async function opened(schema: MigrateOptions, url: string, stop: () => Promise<void>): Promise<OpenedDatabase> {
  await migrate(url, schema);
  const database = await openDatabase({ url, poolSize: 6, applicationName: 'contract' });
  return {
    url,
    database,
    close: async () => {
      await database.close();
      await stop();
    },
  };
}

/**
 * The schema as it was before a migration, but for the claims of journals: they came later, and what books usage today
 * reads them.
 */
export function schemaBefore(migration: string): typeof usageBillingSchema {
  const { migrations } = usageBillingSchema;
  const at = migrations.findIndex(({ name }) => name.startsWith(migration));
  return {
    ...usageBillingSchema,
    migrations: migrations.filter(({ name }, index) => index < at || name.startsWith('ClaimedJournals')),
  };
}

/** The database as usage-billing uses it. */
export const billing = ({ dataSource }: Database): ServiceDatabase => new ServiceDatabase(dataSource, 'billing');

/** The audit trail's side of usage-billing, whose messages go nowhere. */
export const auditRecords = (database: ServiceDatabase): AuditRecords =>
  new AuditRecords(
    new BillingRelay(
      database,
      { publish: () => Promise.resolve() },
      createLogger({ service: 'contract', level: 'silent' }),
    ),
  );

/** Lets events into the ledger as usage-billing does; without key-management every key is known. */
export const screening = (
  database: ServiceDatabase,
  keyManagement?: Pick<KeyManagementApi, 'knownKeys'>,
  usageEventMonths?: number,
): ScreenEvents =>
  new ScreenEvents(
    database,
    keyManagement,
    usageEventMonths === undefined ? {} : { usageEventMonths },
    createLogger({ service: 'contract', level: 'silent' }),
  );

/** The same by a test's own clock. */
export class ScreeningAt extends ScreenEvents {
  constructor(
    database: ServiceDatabase,
    private readonly clockMs: () => number,
  ) {
    super(database, undefined, {}, createLogger({ service: 'contract', level: 'silent' }));
  }

  protected override nowMs(): number {
    return this.clockMs();
  }
}

/** Admission in memory that records the calls of usage-billing. */
export class RecordingAdmission extends MemoryAdmission {
  readonly calls: {
    readonly what: string;
    readonly organizationId: string;
    readonly items?: readonly BookedSettle[];
  }[] = [];
  readonly openings: EpochOpening[] = [];
  /** While it is true, every call of usage-billing rejects. */
  unreachable = false;
  /** Gateways that have renewed their leases whenever these are read, however busy the machine is. */
  readonly renewing = new Set<string>();
  /** Runs before an epoch is opened, while the ledger holds the lock of its organisation. */
  beforeOpening: () => Promise<void> = () => Promise.resolve();
  /** Runs once an epoch is open; where it rejects, the answer is lost. */
  afterOpening: () => Promise<void> = () => Promise.resolve();

  override async closeEpoch(organizationId: string): Promise<void> {
    this.note('closeEpoch', organizationId);
    await super.closeEpoch(organizationId);
  }
  override async openEpoch(epoch: EpochOpening): Promise<boolean> {
    this.note('openEpoch', epoch.organizationId);
    this.openings.push(epoch);
    await this.beforeOpening();
    const opened = await super.openEpoch(epoch);
    await this.afterOpening();
    return opened;
  }
  override async settleBooked(organizationId: string, items: readonly BookedSettle[]): Promise<void> {
    this.note('settleBooked', organizationId, items);
    await super.settleBooked(organizationId, items);
  }
  override async stopWaiting(organizationId: string, journalId: string): Promise<void> {
    this.note('stopWaiting', organizationId);
    await super.stopWaiting(organizationId, journalId);
  }
  override async hasEpoch(organizationId: string): Promise<boolean> {
    this.check();
    return super.hasEpoch(organizationId);
  }
  override async accounts(organizationId: string): ReturnType<MemoryAdmission['accounts']> {
    this.check();
    return super.accounts(organizationId);
  }
  override async organizations(): Promise<readonly string[]> {
    this.check();
    return super.organizations();
  }
  override async leases(): Promise<ReadonlyMap<string, string>> {
    this.check();
    for (const instanceId of this.renewing) await this.renewLease(instanceId);
    return super.leases();
  }

  count(what: string): number {
    return this.calls.filter((call) => call.what === what).length;
  }

  private note(what: string, organizationId: string, items?: readonly BookedSettle[]): void {
    this.check();
    this.calls.push({ what, organizationId, ...(items ? { items } : {}) });
  }
  private check(): void {
    if (this.unreachable) throw new Error('admission is away');
  }
}

/** An event of a request whose hold and cost were 10 nano-USD, under a cap of 1,000. */
export function usageEvent(fields: Partial<UsageRecordedV1> & { organizationId: string }): UsageRecordedV1 {
  return {
    eventVersion: 1,
    requestId: randomUUID(),
    apiKeyId: `key of ${fields.organizationId}`,
    journalId: `journal of ${fields.organizationId}`,
    journalNumber: 1,
    outcome: 'completed',
    route: 'support-bot',
    provider: 'openai',
    model: 'gpt-4o-mini',
    stream: false,
    inputTokens: 3,
    outputTokens: 4,
    cachedInputTokens: 0,
    reasoningTokens: 0,
    usageSource: 'provider',
    costNanoUsd: '10',
    chargeNanoUsd: '10',
    holdNanoUsd: '10',
    accounts: [{ accountId: `account of ${fields.organizationId}`, capNanoUsd: '1000' }],
    priceVersion: 'v1',
    startedAt: '2026-11-20T10:00:00.000Z',
    endedAt: '2026-11-20T10:00:01.000Z',
    clientAddress: '192.0.2.1',
    ...fields,
  };
}

/** The event of the same request in the second version: three input tokens, of which two were written to a cache. */
export function secondVersion({ eventVersion: _, secretId, accounts, ...fields }: UsageRecordedV1): UsageRecordedV2 {
  const line = { model: null, tool: null, nanoUsdPerMillion: '1000000' };
  // The lines add up to the cost.
  const written = BigInt(fields.costNanoUsd) < 2n ? '0' : '2';
  return {
    ...fields,
    eventVersion: 2,
    accounts: accounts.map((account) => ({ ...account, kind: null, cycle: null })),
    secretId: secretId ?? null,
    textInputTokens: 1,
    audioInputTokens: 0,
    imageInputTokens: 0,
    cachedTextTokens: 0,
    cachedAudioTokens: 0,
    cacheWrite5mTokens: 2,
    cacheWrite1hTokens: 0,
    textOutputTokens: 4,
    audioOutputTokens: 0,
    imageOutputTokens: 0,
    toolCalls: [{ tool: 'web_search', calls: 1 }],
    passes: [],
    priceLines: [
      { class: 'text_input', quantity: 1, nanoUsd: String(BigInt(fields.costNanoUsd) - BigInt(written)), ...line },
      { class: 'cache_write_5m', quantity: 2, nanoUsd: written, ...line },
    ],
    tierServed: 'priority',
    speedServed: null,
    inferenceGeo: null,
    modelServed: null,
    statusCode: null,
    firstByteMs: null,
    durationMs: null,
    projectId: null,
    memberId: null,
    groupIds: null,
    routeGroupId: null,
  };
}

type UsageValue = UsageRecordedV1 | UsageRecordedV2 | string;

/** A batch of the bus. Each element becomes one record, an array one record of several messages; strings stay raw. */
export function usageBatch(
  records: readonly (UsageValue | readonly UsageValue[])[],
  partition = 0,
  firstOffset = 0n,
): BusBatch {
  return {
    topic: USAGE_RECORDED_V1,
    partition,
    messages: records.flatMap((record, at) =>
      [record].flat().map((value, part) => ({
        offset: firstOffset + BigInt(at),
        part,
        key: 'org',
        value: typeof value === 'string' ? value : JSON.stringify(value),
      })),
    ),
  };
}
