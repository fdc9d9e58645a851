import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { AdminOperation } from '@tollgate/access';
import type { UsageRecordedV1 } from '@tollgate/contracts';
import { readDocument } from '@tollgate/openapi';
import type { Database } from '@tollgate/postgres';
import { expect } from 'vitest';
import { usageEvent } from './billing-fixture.js';

/** What is needed of a usage-billing that runs. Its key-management knows every key, group, project and member. */
export interface UsageOperationsStage {
  readonly url: () => string;
  readonly adminSecret: string;
  readonly database: () => Database;
  /** Where webhooks are received. */
  readonly receiver: () => string;
  readonly publish: (event: UsageRecordedV1) => Promise<void>;
  /** From now on key-management says that the key was revoked. */
  readonly revokeKey: (apiKeyId: string) => void;
}

/** One operation of usage-billing's document: new ones come into the tests by themselves. */
export interface DocumentedOperation {
  readonly operation: AdminOperation;
  readonly method: string;
  readonly path: string;
  /** The status of success. */
  readonly status: number;
}

export const USAGE_OPERATIONS: readonly DocumentedOperation[] = Object.entries(
  readDocument('usage-billing').paths,
).flatMap(([path, item]) =>
  Object.entries(item).map(([method, { operationId, responses }]) => ({
    operation: operationId as AdminOperation,
    method: method.toUpperCase(),
    path,
    status: Math.min(...Object.keys(responses as object).map(Number)),
  })),
);

/** A request that is to succeed for whoever may make it. */
export interface RealRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

type Shown = Record<string, string>;

/**
 * A request for an operation about an organisation, with a body that is taken and ids of things that are there: what it
 * names was made before, by the operator.
 */
export async function realRequest(
  stage: UsageOperationsStage,
  { operation, method, path }: DocumentedOperation,
  organizationId: string,
): Promise<RealRequest> {
  const { at, body } = await preparedFor(operation, new Preparation(stage, organizationId));
  const filled = Object.entries(at ?? {}).reduce(
    (all, [name, value]) => all.replace(`{${name}}`, encodeURIComponent(value)),
    path,
  );
  const query = at?.['?'] === undefined ? '' : `?${at['?']}`;
  return { method, path: `${filled}${query}`, ...(body !== undefined && { body }) };
}

interface Prepared {
  /** What the parameters of the path stand for; `?` is the query. */
  readonly at?: Readonly<Record<string, string>>;
  readonly body?: object;
}

function preparedFor(operation: AdminOperation, one: Preparation): Prepared | Promise<Prepared> {
  const prepare = PREPARED[operation];
  if (prepare === undefined)
    throw new Error(`${operation} has no real request: add one to PREPARED in usage-operations.ts`);
  return prepare(one);
}

const NOTHING = (): Prepared => ({});
const WEBHOOK_EVENTS = ['api_key.leaked'];

const PREPARED: Partial<Record<AdminOperation, (one: Preparation) => Prepared | Promise<Prepared>>> = {
  listQuarantinedEvents: NOTHING,
  getQuarantinedEvent: async (one) => ({ at: { id: await one.quarantined() } }),
  replayQuarantinedEvent: async (one) => ({
    at: { id: await one.quarantined() },
    body: { mend: { outcome: 'completed' } },
  }),
  discardQuarantinedEvent: async (one) => ({ at: { id: await one.quarantined() }, body: { reason: 'a test' } }),

  getUsage: NOTHING,
  findUsageEvent: async (one) => ({ at: { '?': `request_id=${await one.event()}` } }),
  listLedgerAccounts: NOTHING,
  listTransfers: ({ organizationId }) => ({ at: { id: `fees:${organizationId}` } }),
  getReconciliation: NOTHING,
  listStatements: NOTHING,
  listPrices: NOTHING,
  getPriceVersion: async (one) => ({ at: { version: (await one.read('/v1/prices'))['price_version']! } }),

  getOrganizationBilling: ({ organizationId: id }) => ({ at: { id } }),
  setOrganizationBilling: ({ organizationId: id }) => ({ at: { id }, body: { markup_percent: 5 } }),
  getOrganizationPrices: ({ organizationId: id }) => ({ at: { id } }),
  setOrganizationPrices: ({ organizationId: id }) => ({ at: { id }, body: { prices: [ownPrice()] } }),
  createCreditGrant: ({ organizationId: organization_id }) => ({ body: { organization_id, amount_usd: '10' } }),
  listCreditGrants: NOTHING,
  getCreditGrant: async (one) => ({ at: { id: await one.grant() } }),
  expireCreditGrant: async (one) => ({ at: { id: await one.grant() } }),
  getCredits: NOTHING,
  getOpenRouterActivity: NOTHING,
  getOpenRouterCredits: NOTHING,
  createBudget: () => ({ body: { group_id: randomUUID(), amount_usd: '10', reset: 'daily' } }),
  listBudgets: NOTHING,
  getBudget: async (one) => ({ at: { id: await one.budget() } }),
  updateBudget: async (one) => ({ at: { id: await one.budget() }, body: { amount_usd: '11' } }),
  deleteBudget: async (one) => ({ at: { id: await one.budget() } }),

  importProviderReport: (one) => ({ body: one.report() }),
  listProviderReports: NOTHING,
  getProviderReport: async (one) => ({ at: { id: await one.made('/v1/provider-reports', one.report()) } }),
  listOrganizationExports: NOTHING,
  getOrganizationExport: async (one) => ({ at: { id: await one.exported() } }),

  listAlerts: NOTHING,
  getAlertSettings: NOTHING,
  updateAlertSettings: () => ({ body: { levels: [90], emails: ['ada@example.org'] } }),

  createPlan: () => ({ body: newPlan() }),
  listPlans: NOTHING,
  getPlan: async (one) => ({ at: { id: await one.plan() } }),
  updatePlan: async (one) => ({ at: { id: await one.plan() }, body: { quota_usd: '25' } }),
  deletePlan: async (one) => ({ at: { id: await one.plan() } }),
  createSubscription: async (one) => ({ body: { plan: await one.plan() } }),
  listSubscriptions: NOTHING,
  getSubscription: async (one) => ({ at: { id: await one.subscription() } }),
  updateSubscription: async (one) => ({
    at: { id: await one.subscription() },
    body: { payg: { enabled: true, limit_usd: '5' } },
  }),
  replaceSubscriptionKey: async (one) => {
    const id = await one.subscription();
    one.revokeKey(((await one.read(`/v1/subscriptions/${id}`)) as unknown as { api_key: { id: string } }).api_key.id);
    return { at: { id } };
  },
  cancelSubscription: async (one) => ({ at: { id: await one.subscription() }, body: { at: 'now' } }),
  resumeSubscription: async (one) => {
    const id = await one.subscription();
    await one.made(`/v1/subscriptions/${id}/cancel`, { at: 'cycle_end' });
    return { at: { id } };
  },

  createWebhook: (one) => ({ body: one.newWebhook() }),
  listWebhooks: NOTHING,
  getWebhook: async (one) => ({ at: { id: await one.webhook() } }),
  updateWebhook: async (one) => ({ at: { id: await one.webhook() }, body: { url: `${one.receiver()}/elsewhere` } }),
  deleteWebhook: async (one) => ({ at: { id: await one.webhook() } }),
  rotateWebhook: async (one) => ({ at: { id: await one.webhook() }, body: { grace_period_seconds: 60 } }),
  testWebhook: async (one) => ({ at: { id: await one.webhook() } }),
  listWebhookDeliveries: async (one) => ({ at: { id: await one.webhook() } }),
  replayWebhookDelivery: async (one) => {
    const id = await one.webhook();
    return { at: { id, delivery: await one.made(`/v1/webhooks/${id}/test`) } };
  },
};

/** Of the provider that the configurations of these tests have. */
const ownPrice = () => ({
  provider: 'ours',
  model: randomUUID(),
  input_usd_per_million: '1',
  output_usd_per_million: '2',
});

const newPlan = () => ({
  name: `plan ${randomUUID()}`,
  quota_usd: '20',
  price_usd: '15',
  self_service: true,
  payg_allowed: true,
});

/** Makes what a request names, as the operator. */
class Preparation {
  constructor(
    private readonly stage: UsageOperationsStage,
    readonly organizationId: string,
  ) {}

  receiver = (): string => this.stage.receiver();
  revokeKey = (apiKeyId: string): void => this.stage.revokeKey(apiKeyId);
  newWebhook = () => ({ url: `${this.receiver()}/secret-part-of-the-path`, events: WEBHOOK_EVENTS });
  report = () => ({
    provider: 'openai',
    format: 'csv',
    csv: `date,model,cost_usd\n2026-11-20,${randomUUID()},1.25\n`,
  });

  plan = () => this.made('/v1/plans', newPlan());
  subscription = async () => this.made('/v1/subscriptions', { plan: await this.plan() });
  webhook = () => this.made('/v1/webhooks', this.newWebhook());
  grant = () => this.made('/v1/credit-grants', { organization_id: this.organizationId, amount_usd: '10' });
  budget = () => this.made('/v1/budgets', { group_id: randomUUID(), amount_usd: '10', reset: 'daily' });

  /** The id of what a POST makes. */
  async made(path: string, body?: object): Promise<string> {
    return (await this.ask('POST', path, body))['id']!;
  }

  read = (path: string): Promise<Shown> => this.ask('GET', path);

  /** A call that is booked; its request id. */
  async event(): Promise<string> {
    const event = this.newEvent();
    await this.stage.publish(event);
    return event.requestId;
  }

  /** The id of a usage event that cannot be booked as it is. */
  async quarantined(): Promise<string> {
    const event = this.newEvent();
    await this.stage.publish({ ...event, outcome: 'unheard_of' as never });
    const { data } = (await this.read(`/v1/quarantine?request_id=${event.requestId}`)) as unknown as { data: Shown[] };
    return data[0]!['id']!;
  }

  /** The id of an organisation that was deleted and exported. */
  async exported(): Promise<string> {
    const id = randomUUID();
    await this.stage
      .database()
      .dataSource.query(
        'INSERT INTO billing.organization_end (organization_id, exported_at, content) VALUES ($1, now(), $2)',
        [id, gzipSync('{}\n')],
      );
    return id;
  }

  private newEvent(): UsageRecordedV1 {
    return usageEvent({ organizationId: this.organizationId, apiKeyId: randomUUID() });
  }

  private async ask(method: string, path: string, body?: object): Promise<Shown> {
    const reply = await fetch(`${this.stage.url()}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.stage.adminSecret}`,
        'x-organization-id': this.organizationId,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const shown = (await reply.json()) as Shown;
    expect(reply.status, `${method} ${path}: ${JSON.stringify(shown)}`).toBeLessThan(300);
    return shown;
  }
}
