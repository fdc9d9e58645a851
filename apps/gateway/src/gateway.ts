import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { hasWildcard } from '@tollgate/access';
import type { Admission } from '@tollgate/admission';
import type { Peppers } from '@tollgate/api-key';
import type { BusPublisher } from '@tollgate/bus';
import { isConfigured, SIMULATOR_NAME, type Provider as ProviderConfig, type TollgateConfig } from '@tollgate/config';
import type { KeyManagementApi, UsageBillingApi } from '@tollgate/contracts';
import type { KeySnapshotReader } from '@tollgate/key-snapshots';
import { type BodyBudget, TrustedProxies } from '@tollgate/http';
import type { SealedIds } from '@tollgate/sealing';
import type { Logger, Readiness, Registry } from '@tollgate/telemetry';
import type { FastifyInstance } from 'fastify';
import type { Endpoint, ReadEndpoint } from './endpoints/endpoint.js';
import { ENDPOINTS, READ_ENDPOINTS } from './endpoints/endpoints.js';
import { ModelCatalogue } from './endpoints/models/model-catalogue.js';
import { serveInference, type InferenceHandlers } from './inference-routes.js';
import { Journal } from './journal/journal.js';
import { AdoptJournals } from './left-journals/adopt-journals.js';
import { registerAdoptionMetrics } from './left-journals/adoption-metrics.js';
import type { JournalFolders } from './left-journals/journal-folders.js';
import { registerJournalMetrics } from './journal/journal-metrics.js';
import { Shipper } from './journal/shipper.js';
import { Announcer } from './presence/announcer.js';
import { GatewayLife } from './presence/gateway-life.js';
import { ShippedLimits } from './presence/shipped-limits.js';
import type { Exchange } from './request-path/exchange/exchange.js';
import type { GatewayIdentity } from './request-path/exchange/gateway-identity.js';
import { registerAdmissionMetrics } from './request-path/admit/admission-metrics.js';
import { AccountLoads } from './request-path/admit/account-loads.js';
import { CreditEpochs } from './request-path/admit/credit-epochs.js';
import { OpenRequests } from './request-path/open-requests/open-requests.js';
import { RefusedBodies } from './request-path/open-requests/refused-bodies.js';
import { RouteTable } from './request-path/choose-route/route-table.js';
import { openProviders, type Provider } from './providers/provider.js';
import { DigestMemory } from './request-path/identify-key/digest-memory.js';
import type { Clocks } from './request-path/identify-key/expiry-clock.js';
import { KeyCache } from './request-path/identify-key/key-cache.js';
import { KeyChangeMeter, registerKeyMetrics } from './request-path/identify-key/key-metrics.js';
import { askAboutMissedChanges } from './request-path/identify-key/missed-changes.js';
import { NewDigests } from './request-path/identify-key/new-digests.js';
import { InFlight } from './request-path/exchange/in-flight.js';
import { registerRequestMetrics, RequestMeter } from './request-path/request-metrics.js';
import { RequestLog } from './request-path/exchange/request-log.js';
import { readPath } from './request-path/read-path.js';
import { TellRefused } from './request-path/refused-calls/tell-refused.js';
import { answerRefusal, requestPath, type RequestPathParts } from './request-path/request-path.js';

/** What a gateway needs from its process, both in its own process and in the standalone. */
export interface GatewayPorts {
  readonly admission: Admission;
  /** Shared by all readers of request bodies in this process. */
  readonly bodyBudget: BodyBudget;
  readonly bus: BusPublisher;
  readonly config: TollgateConfig;
  /** The open journal. The gateway closes it. */
  readonly journal: Journal;
  /** Where the journals of other gateways are. Without it there are none: nothing is adopted. */
  readonly journalFolders?: JournalFolders;
  readonly keyManagement: KeyManagementApi;
  readonly logger: Logger;
  /** Under which the digests of secrets are made. */
  readonly peppers: Peppers;
  readonly registry: Registry;
  /** Seals the ids of providers' accounts that clients are given. */
  readonly sealedIds: SealedIds;
  readonly snapshots: KeySnapshotReader;
  readonly usageBilling: UsageBillingApi;
  /** The clocks by which keys expire and cycles of limits begin; those of the process where they are left out. */
  readonly clocks?: Clocks;
  /** Called once if the folder of the journal is not this process's any more: then it must end. */
  readonly onJournalLost?: () => void;
}

/** How long a start waits for what all gateways share, and how often it looks. */
const INFORMED_MS_MAX = 10_000;
const INFORMED_LOOK_MS = 50;
/** How long a clean end waits until all usage is booked. What is not by then stays in the journal. */
const END_MS_MAX = 10_000;
/** How long it waits for the bus to take the sums of refused calls. */
const REFUSED_MS_MAX = 1_000;

/** The gateway: the request path, and the background work from start to end of the process. */
export class Gateway {
  readonly #adoption: AdoptJournals | null;
  readonly #epochs: CreditEpochs;
  readonly #inFlight: InFlight;
  readonly #journal: Journal;
  readonly #life: GatewayLife;
  readonly #newDigests: NewDigests;
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #refuse: InferenceHandlers['refuse'];
  readonly #refusedCalls: TellRefused;
  readonly #serve: InferenceHandlers['serve'];
  #ended: Promise<void> | null = null;

  constructor(private readonly ports: GatewayPorts) {
    const { admission, bodyBudget, config, logger, registry } = ports;
    const journal = (this.#journal = ports.journal);
    logJournalTrouble(journal, logger);
    const gateway: GatewayIdentity = { instanceId: randomUUID(), journalId: journal.journalId };
    const inFlight = (this.#inFlight = new InFlight());
    const shipper = new Shipper(journal, ports.bus, logger);
    const announcer = new Announcer(admission, journal, inFlight, gateway);
    const keys = new KeyCache(
      ports.snapshots,
      ports.keyManagement,
      (tombstone) => inFlight.endKey(tombstone),
      ports.clocks,
    );
    this.#newDigests = new NewDigests(ports.keyManagement, logger);
    askAboutMissedChanges(ports.snapshots, keys, inFlight);
    ports.snapshots.follow(new KeyChangeMeter(registry));
    ports.snapshots.follow(new ShippedLimits(admission, shipper, journal.journalId, logger));
    const loads = new AccountLoads(ports.usageBilling, logger);
    this.#epochs = new CreditEpochs(ports.usageBilling, (organizationId) => announcer.announce(organizationId), logger);
    this.#life = new GatewayLife({
      admission,
      announcer,
      gateway,
      inFlight,
      journal,
      logger,
      shipper,
      usageBilling: ports.usageBilling,
      onJournalLost: ports.onJournalLost,
    });
    this.#adoption = adoptionOf(ports);
    this.#providers = openProviders(config.providers.filter(isConfigured), whoAnswers);
    const openRequests = new OpenRequests(config.limits.callsPerKeyMax, bodyBudget);
    registerRequestMetrics(registry, inFlight, openRequests);
    registerAdmissionMetrics(registry, admission, this.#epochs, loads);
    registerJournalMetrics(registry, journal, shipper);
    registerKeyMetrics(registry, keys, ports.snapshots);
    const log = new RequestLog(logger);
    const meter = new RequestMeter(registry);
    const refusedCalls = (this.#refusedCalls = new TellRefused(ports.bus, gateway.instanceId, logger));
    this.#refuse = (exchange, refusal) => answerRefusal({ meter, log, refusedCalls }, exchange, refusal);
    const parts: RequestPathParts = {
      admission,
      bodyBytesMax: config.limits.bodyBytesMax,
      openRequests,
      epochs: this.#epochs,
      gateway,
      inFlight,
      journal,
      keys,
      loads,
      log,
      logger,
      meter,
      digests: new DigestMemory(ports.peppers, () => keys.mayHaveImported()),
      newDigests: this.#newDigests,
      priceVersion: config.priceVersion,
      refusedBodies: new RefusedBodies(admission, gateway),
      refusedCalls,
      sealedIds: ports.sealedIds,
      routes: new RouteTable(config, this.#providers),
    };
    warnOfUnpriced(config, parts.routes, logger);
    const catalogue = new ModelCatalogue(config, parts.routes);
    const paths = new Map<Endpoint | ReadEndpoint, (exchange: Exchange) => Promise<void>>([
      ...ENDPOINTS.map((endpoint) => [endpoint, requestPath(endpoint, parts)] as const),
      ...READ_ENDPOINTS.map((endpoint) => [endpoint, readPath(endpoint, parts, catalogue)] as const),
    ]);
    this.#serve = (endpoint, exchange) => {
      const serve = paths.get(endpoint);
      if (serve === undefined) throw new Error(`the endpoint ${endpoint.name} has no request path`);
      return serve(exchange);
    };
  }

  /** Adds the inference endpoints to a server and the framework on it. Call it before the server listens. */
  serveOn(server: Server, framework: FastifyInstance): void {
    const { trustedProxies } = this.ports.config;
    const proxies = trustedProxies.length === 0 ? null : new TrustedProxies(trustedProxies);
    serveInference(server, framework, { serve: this.#serve, refuse: this.#refuse }, proxies);
  }

  /**
   * Ends the open requests of the previous process and registers. After that, requests may come. `tell` is called with
   * a line for each thing that it waits for.
   */
  start(tell: (line: string) => void = () => undefined): Promise<void> {
    // Without a previous pepper no key is known under one.
    if (this.ports.peppers.length > 1) this.#newDigests.start();
    this.#refusedCalls.start();
    this.#adoption?.start();
    return this.#life.start(tell);
  }

  /** Opens the organisation's credit epoch in advance, so that its first request need not wait for it. */
  openCreditEpoch(organizationId: string): Promise<void> {
    return this.#epochs.open(organizationId);
  }

  /**
   * Whether this gateway is worse than another: only its own journal decides. `registered` (capped keys can be served)
   * and `keyChanges` (changes of keys are being received) depend on what all gateways share. Without them each request
   * is decided more carefully, and a balancer that took all gateways out would help nobody: while changes of keys are
   * not heard, key-management is asked about each key, and what it has not answered is refused.
   */
  readiness(): Readiness {
    const journal = this.#journal.writable;
    return { ready: journal, checks: { registered: this.#life.registered, keyChanges: this.#hearsChanges, journal } };
  }

  /**
   * Resolves when this gateway can do all that others can: it is registered and hears changes of keys. After 10 s it
   * resolves all the same, for what all gateways share is away then, and keys without a cap can be served.
   */
  async informed(): Promise<void> {
    const until = performance.now() + INFORMED_MS_MAX;
    while (!(this.#life.registered && this.#hearsChanges) && performance.now() < until) await pause(INFORMED_LOOK_MS);
  }

  get #hearsChanges(): boolean {
    return this.ports.snapshots.ageMs() < 3_000;
  }

  /** The requests in flight. */
  *requests(): Iterable<IncomingMessage> {
    for (const { request } of this.#inFlight) yield request;
  }

  /**
   * Call it after the server has stopped listening. Waits for requests in flight, ships the remaining usage, waits
   * until it is booked, and closes the journal. `tell` is called with a line for each thing that it waits for; later
   * calls ignore theirs.
   */
  end(tell: (line: string) => void = () => undefined): Promise<void> {
    this.#ended ??= this.#end(tell);
    return this.#ended;
  }

  async #end(tell: (line: string) => void): Promise<void> {
    const adopted = this.#adoption?.stop();
    await this.#life.end(END_MS_MAX, tell);
    await adopted;
    await Promise.all([this.#newDigests.stop(), this.#refusedCalls.stop(REFUSED_MS_MAX)]);
    await Promise.all(
      [...this.#providers.values()].flatMap(({ pool, freshPool }) => [pool.destroy(), freshPool.destroy()]),
    );
  }
}

const JOURNAL_DAMAGE =
  'the journal has bytes that are no valid record: usage in them is lost; the file is kept, and its name ends in .damaged after it was shipped';

const JOURNAL_BEREFT =
  'the records that the last run left in the journal are missing: usage that had not been booked is lost; a new journal begins';

/** While the journal cannot be written, each request is refused. This is logged at once, and then at this interval. */
const JOURNAL_TROUBLE_INTERVAL_MS = 10_000;

/** Logs lost and damaged records, and failed writes. */
function logJournalTrouble(journal: Journal, logger: Logger): void {
  if (journal.isBereft) logger.error({ journalId: journal.journalId }, JOURNAL_BEREFT);
  journal.onDamage(({ path }, bytes) => logger.error({ segment: basename(path), bytes }, JOURNAL_DAMAGE));
  let loggedAt = -Infinity;
  journal.onTrouble((error) => {
    if (performance.now() - loggedAt < JOURNAL_TROUBLE_INTERVAL_MS) return;
    loggedAt = performance.now();
    logger.error({ err: error }, 'the journal cannot be written: requests are refused until it can');
  });
}

/** What ships the journals of other gateways, if there can be any. */
function adoptionOf({ bus, journalFolders, logger, registry, usageBilling }: GatewayPorts): AdoptJournals | null {
  if (journalFolders === undefined) return null;
  const adoption = new AdoptJournals({ bus, folders: journalFolders, logger, usageBilling });
  registerAdoptionMetrics(registry, adoption);
  return adoption;
}

/** Logs the targets whose cost nobody knows. Those of a wildcard are known when they are asked for. */
function warnOfUnpriced({ routes }: TollgateConfig, table: RouteTable, logger: Logger): void {
  const unpriced = routes
    .filter(({ name }) => !hasWildcard(name))
    .flatMap(({ name }) => table.find(name)?.targets ?? [])
    .filter((target) => target.unpriced === true)
    .map(({ provider, model }) => `${provider.name}/${model}`);
  if (unpriced.length === 0) return;
  const targets = [...new Set(unpriced)];
  logger.warn({ targets }, 'the price of these models is not known: they are served to keys without any limit alone');
}

/** If the simulator answers for a provider, replies and usage events name the simulator. */
function whoAnswers(provider: ProviderConfig): ProviderConfig {
  return provider.standIn === 'simulator' ? { ...provider, name: SIMULATOR_NAME } : provider;
}
