import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import {
  MemoryAdmission,
  RedisAdmission,
  RedisAdmissionBooks,
  type Admission,
  type AdmissionBooks,
} from '@tollgate/admission';
import { digestSecret, generateSecret, type ActiveSnapshot, type OrganizationSnapshot } from '@tollgate/api-key';
import { ADMIN_API_DEFAULT } from '@tollgate/auth';
import { inProcessBus, type BusPublisher } from '@tollgate/bus';
import { parseConfig } from '@tollgate/config';
import {
  USAGE_BILLING_API,
  USAGE_RECORDED_V1,
  USAGE_RECORDED_V2,
  type KeyManagementApi,
  type UsageBillingApi,
} from '@tollgate/contracts';
import { Gateway, Journal } from '@tollgate/gateway';
import { BODY_BUDGET_BYTES, BodyBudget, createNestServer } from '@tollgate/http';
import { tempFolder, waitUntil } from '@tollgate/infra';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import type { RedisConnection } from '@tollgate/redis';
import { sealedIdsFrom } from '@tollgate/sealing';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { ScreenEvents, UsageBillingProcessModule } from '@tollgate/usage-billing';
import { databaseShapes, usageEvent, type OpenedDatabase } from './billing-fixture.js';
import { clockKey } from './clock-of-test.js';

const PEPPER = 'the pepper of the credit stage';
const logger = createLogger({ service: 'contract', level: 'silent' });
/** A call names this ceiling, and the provider uses all of it: its hold and its charge are one unit. */
const OUTPUT_TOKENS = 10;
/** What each call costs, in nano-USD. */
const UNIT = 1_000_000n;
const unitsOf = (nanoUsd: bigint): number => Number(nanoUsd) / Number(UNIT);

@Module({})
class NothingModule {}

/** The time of the stage. It stands still, and only tests move it. */
export class StageTime {
  #moved: ((nowMs: number) => Promise<unknown>)[] = [];

  /** Milliseconds since 1970. */
  constructor(public nowMs: number) {}

  async set(nowMs: number): Promise<void> {
    this.nowMs = nowMs;
    for (const tell of this.#moved) await tell(nowMs);
  }

  /** Calls `tell` with the present time and each time after it. */
  async follow(tell: (nowMs: number) => Promise<unknown>): Promise<void> {
    this.#moved.push(tell);
    await tell(this.nowMs);
  }
}

/** Admission as one process has it, by the time of the stage. */
export interface StagedAdmission {
  readonly books: AdmissionBooks;
  /** The side of a gateway; each gateway has its own. */
  gateway(): Admission & { drain?(): Promise<void> };
}

/** Admission in memory, which all gateways share. */
export function admissionInMemory(time: StageTime): StagedAdmission {
  const both = new MemoryAdmission(
    () => time.nowMs * 1_000,
    () => time.nowMs,
  );
  return { books: both, gateway: () => both };
}

/** Admission on a Redis whose scripts read the time of the test (`readClockOfTest`). */
export async function admissionOnRedis(
  connection: RedisConnection,
  time: StageTime,
  organizationIds: readonly string[],
): Promise<StagedAdmission> {
  await time.follow((nowMs) =>
    Promise.all(organizationIds.map((id) => connection.client.set(clockKey(id), String(nowMs * 1_000)))),
  );
  return { books: new RedisAdmissionBooks(connection), gateway: () => new RedisAdmission(connection) };
}

/** A provider that answers when a test lets it. */
class Provider {
  readonly #server: Server;
  readonly #waiting: ServerResponse[] = [];
  /** While it is true, calls wait for `release`. */
  isHolding = false;
  calls = 0;
  /** What it replies to each call, as JSON; null: an answer of one unit. */
  says: string | null = null;

  constructor() {
    this.#server = createServer((request, reply) => {
      request.resume().on('end', () => {
        this.calls += 1;
        if (this.isHolding) this.#waiting.push(reply);
        else answer(reply, this.says);
      });
    });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Answers the calls that wait, those that came last first, and holds no more. */
  release(): void {
    this.isHolding = false;
    for (const reply of this.#waiting.splice(0).reverse()) answer(reply, this.says);
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function answer(reply: ServerResponse, says: string | null): void {
  reply.writeHead(200, { 'content-type': 'application/json' }).end(says ?? ONE_UNIT);
}

const ONE_UNIT = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: OUTPUT_TOKENS, total_tokens: 1 + OUTPUT_TOKENS },
});

/** A key of the stage. Its snapshot is what key-management would write. */
export interface StagedKey {
  readonly id: string;
  readonly secret: string;
  snapshot: ActiveSnapshot;
}

/** What a call was answered. */
export interface StagedAnswer {
  readonly status: number;
  readonly code: string | null;
  readonly message: string | null;
  readonly retryAfter: string | null;
}

export interface StageOptions {
  readonly time: StageTime;
  readonly admission: StagedAdmission;
  readonly organizationId: string;
  /** How far the clock of each gateway is ahead of the stage's time, in milliseconds. */
  readonly gatewaysAheadMs: readonly number[];
}

/**
 * Gateways and usage-billing in one process, on an embedded Postgres and a bus in memory, with a clock that tests set.
 * Every call costs one unit.
 */
export class CreditStage {
  readonly provider = new Provider();
  readonly #snapshots = new MemoryKeySnapshots();
  readonly #bus = inProcessBus();
  readonly #ends: (() => unknown)[] = [];
  readonly #urls: string[] = [];
  #opened!: OpenedDatabase;
  #usageBilling!: UsageBillingApi;
  /** While it is set, usage-billing cannot tell that it has booked everything. */
  busIsAway = false;
  #next = 0;
  #organizationVersion = 1_000;

  private constructor(private readonly options: StageOptions) {}

  static async open(options: StageOptions): Promise<CreditStage> {
    const stage = new CreditStage(options);
    await stage.#openUsageBilling();
    const providerUrl = await stage.provider.listen();
    for (const aheadMs of options.gatewaysAheadMs) await stage.#openGateway(providerUrl, aheadMs);
    return stage;
  }

  async close(): Promise<void> {
    this.provider.release();
    for (const end of this.#ends.reverse()) await end();
    this.provider.close();
  }

  /** A key of the stage's organisation without any limit. */
  async makeKey(fields: Partial<ActiveSnapshot> = {}): Promise<StagedKey> {
    const id = randomUUID();
    const secret = generateSecret('TGate001').reveal();
    const snapshot: ActiveSnapshot = {
      form: 2,
      apiKeyId: id,
      organizationId: this.options.organizationId,
      version: 1,
      digests: [digestSecret(secret, PEPPER)],
      state: 'active',
      name: 'k',
      scopes: ['inference:write'],
      expiresAtMs: null,
      models: null,
      allowedIps: null,
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
      accounts: [{ accountId: `key:${id}`, capNanoUsd: null }],
      ...fields,
    };
    const key = { id, secret, snapshot };
    await this.#snapshots.write(snapshot);
    return key;
  }

  /**
   * Sets the limit of a key, in units (null for none), and how it resets, as a PATCH does: a first limit and another
   * reset have the new version as their generation. It resolves when all gateways know it.
   */
  async setLimit(
    key: StagedKey,
    units: number | null,
    creditReset = key.snapshot.creditReset ?? 'never',
  ): Promise<void> {
    const before = key.snapshot;
    const version = before.version + 1;
    const isNew = before.accounts[0]?.capNanoUsd === null || creditReset !== (before.creditReset ?? 'never');
    key.snapshot = {
      ...before,
      version,
      state: 'extended',
      creditReset,
      creditGeneration: isNew ? version : (before.creditGeneration ?? 0),
      accounts: [{ accountId: `key:${key.id}`, capNanoUsd: units === null ? null : (BigInt(units) * UNIT).toString() }],
    };
    await this.#snapshots.write(key.snapshot);
  }

  /** Changes a key in another way, as an act of key-management does. It resolves when all gateways know it. */
  async changeKey(key: StagedKey, fields: Partial<ActiveSnapshot>): Promise<void> {
    key.snapshot = { ...key.snapshot, state: 'extended', ...fields, version: key.snapshot.version + 1 };
    await this.#snapshots.write(key.snapshot);
  }

  /** What the organisation's snapshot says from now on, besides its id. It resolves when all gateways know it. */
  async setOrganization(fields: Partial<OrganizationSnapshot>): Promise<void> {
    const { organizationId } = this.options;
    this.#organizationVersion += 1;
    const version = this.#organizationVersion;
    await this.#snapshots.writeOrganization({ organizationId, capNanoUsd: null, state: 'billed', ...fields, version });
  }

  /** Sets the limit of the organisation, in units. */
  async setOrganizationLimit(units: number | null, version: number, capGeneration = version): Promise<void> {
    const capNanoUsd = units === null ? null : (BigInt(units) * UNIT).toString();
    const { organizationId } = this.options;
    const snapshot: OrganizationSnapshot = { organizationId, version, state: 'extended', capNanoUsd, capGeneration };
    await this.#snapshots.writeOrganization(snapshot);
  }

  /** Makes one call of a key, at one gateway after the other or at the given one. The model `c` is for groups only. */
  async call(key: StagedKey, gateway = this.#next++ % this.#urls.length, model = 'm'): Promise<StagedAnswer> {
    const messages = [{ role: 'user', content: 'hi' }];
    const reply = await this.post(key, { model, max_tokens: OUTPUT_TOKENS, messages }, gateway);
    const { error } = (await reply.json()) as { error?: { code: string; message: string } };
    return {
      status: reply.status,
      code: error?.code ?? null,
      message: error?.message ?? null,
      retryAfter: reply.headers.get('retry-after'),
    };
  }

  /** Sends the body of a chat call to a gateway. */
  post(key: StagedKey, body: object, gateway = 0): Promise<Response> {
    return fetch(`${this.#urls[gateway]}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** What the ledger made of the events of a key: what is booked of them, and why anything is in quarantine. */
  async bookedOf(key: StagedKey): Promise<{
    readonly booked: number;
    readonly chargeNanoUsd: bigint;
    readonly costNanoUsd: bigint;
    readonly quarantined: readonly string[];
  }> {
    const { dataSource } = this.#opened.database;
    const [sums]: { booked: string; charge: string; cost: string }[] = await dataSource.query(
      `SELECT count(*) AS booked, coalesce(sum(charge_nano_usd), 0) AS charge, coalesce(sum(cost_nano_usd), 0) AS cost
       FROM billing.usage_event WHERE api_key_id = $1`,
      [key.id],
    );
    const reasons: { reason: string }[] = await dataSource.query('SELECT reason FROM billing.quarantine');
    return {
      booked: Number(sums!.booked),
      chargeNanoUsd: BigInt(sums!.charge),
      costNanoUsd: BigInt(sums!.cost),
      quarantined: reasons.map(({ reason }) => reason),
    };
  }

  /** Makes many calls of a key at once. Resolves with how often each status was answered, as `{ 200: 3, 402: 7 }`. */
  async callAtOnce(key: StagedKey, times: number, model?: string): Promise<Record<number, number>> {
    return countByStatus(await Promise.all(Array.from({ length: times }, () => this.#callUntilDecided(key, model))));
  }

  /**
   * Calls again while the account of a new limit is not loaded yet: a slow machine may take longer for that than a call
   * waits. Such a call costs nothing.
   */
  async #callUntilDecided(key: StagedKey, model?: string): ReturnType<CreditStage['call']> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.call(key, undefined, model);
      const isUndecided = answer.status === 503 && answer.code === 'credit_unavailable' && !this.busIsAway;
      if (!isUndecided || attempt === 20) return answer;
    }
  }

  /** Resolves once so many calls wait at the provider. */
  async waitAtProvider(calls: number): Promise<void> {
    await waitUntil(() => this.provider.waiting === calls, { timeoutMs: 60_000, what: `${calls} calls wait` });
  }

  /** Books calls that the key made before, each of one unit. */
  async bookEarlier(key: StagedKey, units: number, startedAt: Date): Promise<void> {
    const event = usageEvent({
      organizationId: this.options.organizationId,
      apiKeyId: key.id,
      journalId: randomUUID(),
      costNanoUsd: (BigInt(units) * UNIT).toString(),
      chargeNanoUsd: (BigInt(units) * UNIT).toString(),
      holdNanoUsd: null,
      accounts: [{ accountId: `key:${key.id}`, capNanoUsd: null }],
      startedAt: startedAt.toISOString(),
      endedAt: startedAt.toISOString(),
    });
    await this.#bus.publisher.publish(USAGE_RECORDED_V1, [{ key: event.organizationId, value: JSON.stringify(event) }]);
  }

  /** What admission has posted and held on an account, in units; zeros where it does not know it. */
  async account(accountId: string): Promise<{ readonly posted: number; readonly held: number }> {
    const accounts = await this.options.admission.books.accounts(this.options.organizationId);
    const { postedNanoUsd = 0n, heldNanoUsd = 0n } = accounts.get(accountId) ?? {};
    return { posted: unitsOf(postedNanoUsd), held: unitsOf(heldNanoUsd) };
  }

  /** What the ledger has posted on an account, in units. */
  async ledger(accountId: string): Promise<number> {
    const rows: { posted_nano_usd: string }[] = await this.#opened.database.dataSource.query(
      'SELECT posted_nano_usd FROM billing.account WHERE account_id = $1',
      [accountId],
    );
    return unitsOf(BigInt(rows[0]?.posted_nano_usd ?? 0));
  }

  /** Resolves once admission and the ledger both have these units posted, and nothing is held. */
  async settled(accountId: string, units: number): Promise<void> {
    let seen = '';
    await waitUntil(
      async () => {
        const { posted, held } = await this.account(accountId);
        const inLedger = await this.ledger(accountId);
        seen = `${posted} posted, ${held} held, ${inLedger} in the ledger`;
        return posted === units && held === 0 && inLedger === units;
      },
      { timeoutMs: 60_000, what: `${accountId} has ${units} units everywhere` },
    ).catch((error: unknown) => {
      throw new Error(`${accountId}: ${seen}, not ${units}`, { cause: error });
    });
  }

  async #openUsageBilling(): Promise<void> {
    this.#opened = await databaseShapes[0]!.open();
    this.#ends.push(() => this.#opened.close());
    const app = await createNestServer(
      UsageBillingProcessModule.with({
        keyManagement: {
          identifyPrincipal: () => Promise.reject(new Error('nobody asks')),
          knownKeys: (_, ids) => Promise.resolve([...ids]),
          createSubscriptionKey: ({ apiKeyId }) =>
            Promise.resolve({ apiKeyId, maskedKey: 'sk-sub…1234', secret: null }),
          knownOwners: () =>
            Promise.resolve({
              organization: true,
              organizationName: null,
              apiKeys: [],
              groups: [],
              projects: [],
              members: [],
            }),
          contacts: () =>
            Promise.resolve({ organizationName: 'Acme', keyName: null, ownerEmails: ['owner@example.com'] }),
        },
        database: this.#opened.database,
        admission: this.options.admission.books,
        adminSecrets: ['admin-secret-of-the-credit-stage'],
        serviceSecrets: ['service-secret-of-the-credit-stage'],
        adminApi: ADMIN_API_DEFAULT,
        settings: {},
        logger,
        bus: this.#bus.publisher,
        mail: { send: () => Promise.resolve() },
        sealing: sealingFrom({ pepper: 'a pepper of the credit stage' }),
        busProgress: {
          drained: (topic) => (this.busIsAway ? Promise.reject(new Error('away')) : this.#bus.server.drained(topic)),
          lag: (topic) => this.#bus.server.lag(topic),
          oldestUnhandledMs: (topic) => this.#bus.server.oldestUnhandledMs(topic),
          retentionUsed: (topic) => this.#bus.server.retentionUsed(topic),
        },
        registry: createMetricsRegistry('contract', { processMetrics: false }),
      } as Parameters<typeof UsageBillingProcessModule.with>[0]),
      { logger },
    );
    app.connectMicroservice({ strategy: this.#bus.server });
    await app.startAllMicroservices();
    await app.init();
    this.#ends.push(() => app.close());
    this.#usageBilling = app.get(USAGE_BILLING_API);
    // No call of the stage is of the future.
    const screening = app.get<{ nowMs: () => number }>(ScreenEvents, { strict: false });
    screening.nowMs = () => Math.max(Date.now(), this.options.time.nowMs);
  }

  /** Hands on what gateways publish, with the moments of their calls by the clock of the stage: their own is real. */
  #toBus(): Pick<BusPublisher, 'publish'> {
    return {
      publish: (topic, messages) => {
        const movedMs = this.options.time.nowMs - Date.now();
        const moved = (text: string): string =>
          text.replaceAll(
            /"(startedAt|endedAt)":"([^"]+)"/g,
            (_, name: string, at: string) => `"${name}":"${new Date(Date.parse(at) + movedMs).toISOString()}"`,
          );
        return this.#bus.publisher.publish(
          topic,
          topic === USAGE_RECORDED_V2
            ? messages.map((message) => ({ ...message, value: moved(message.value.toString()) }))
            : messages,
        );
      },
    };
  }

  async #openGateway(providerUrl: string, aheadMs: number): Promise<void> {
    const { time, organizationId } = this.options;
    const admission = this.options.admission.gateway();
    const app = await createNestServer(NothingModule, { logger });
    const gateway = new Gateway({
      sealedIds: sealedIdsFrom({ pepper: PEPPER }),
      admission,
      bodyBudget: new BodyBudget(BODY_BUDGET_BYTES),
      bus: this.#toBus(),
      config: parseConfig(configFor(providerUrl), { path: 'config.yaml', lookup: () => 'the-credential' }),
      journal: Journal.open(tempFolder('credit-journal')),
      keyManagement: {
        verifyKey: () => Promise.reject(new Error('away')),
      } as unknown as KeyManagementApi,
      logger,
      peppers: [PEPPER],
      registry: createMetricsRegistry('contract', { processMetrics: false }),
      snapshots: this.#snapshots,
      usageBilling: this.#usageBilling,
      clocks: { wallMs: () => time.nowMs + aheadMs, monotonicMs: () => performance.now() },
    });
    gateway.serveOn(app.getHttpServer() as Server, app.getHttpAdapter().getInstance() as never);
    await this.setOrganizationLimit(null, 1, 0);
    await gateway.start();
    await app.listen(0, '127.0.0.1');
    await gateway.openCreditEpoch(organizationId);
    this.#urls.push(await app.getUrl());
    this.#ends.push(async () => {
      await app.close();
      await gateway.end();
      await admission.drain?.();
    });
  }
}

/** Input costs nothing, so that the hold of a call is its ceiling of output: one unit. */
const configFor = (providerUrl: string): string => `
providers:
  - {name: p, dialect: openai, base_url: "${providerUrl}", credential: "\${env:CREDENTIAL}", allow_private_network: true}
routes:
  - {name: m, targets: [{provider: p, model: m, weight: 1}]}
  - {name: c, targets: [{provider: p, model: m, weight: 1}], access: groups}
  - {name: dear, targets: [{provider: p, model: dear, weight: 1}]}
  - {name: 'any/*', targets: [{provider: p, model: '*', weight: 1}]}
prices:
  - {provider: p, model: m, input_usd_per_million: 0, output_usd_per_million: 100}
  - {provider: p, model: dear, input_usd_per_million: 9999999, output_usd_per_million: 9999999, context_tokens: 10000000}
`;

/** How often each status was answered. */
export function countByStatus(answers: readonly StagedAnswer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
