import { sealedIdsFrom } from '@tollgate/sealing';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Admission } from '@tollgate/admission';
import {
  digestSecret,
  generateSecret,
  type ActiveSnapshot,
  type KeySnapshot,
  type RevokeReason,
  type Tombstone,
} from '@tollgate/api-key';
import type { AdmissionDecision } from '@tollgate/credit';
import type { KeyChangeListener, KeySnapshotReader, OrganizationRead, SnapshotRead } from '@tollgate/key-snapshots';
import { BODY_BUDGET_BYTES, BodyBudget } from '@tollgate/http';
import { createMetricsRegistry, type Logger } from '@tollgate/telemetry';
import type { Dispatcher, Pool } from 'undici';
import type { Journal } from '../journal/journal.js';
import { RequestMeter } from './request-metrics.js';
import type { AccountLoads } from './admit/account-loads.js';
import type { CreditEpochs } from './admit/credit-epochs.js';
import { OpenRequests } from './open-requests/open-requests.js';
import { RefusedBodies } from './open-requests/refused-bodies.js';
import { RouteTable } from './choose-route/route-table.js';
import { Exchange } from './exchange/exchange.js';
import { InjectedFields } from '../providers/injected-fields.js';
import type { Provider } from '../providers/provider.js';
import { chatCompletions } from '../endpoints/chat-completions/chat-completions.js';
import { OPENAI_DIALECTS } from '../providers/openai/openai.js';
import { DigestMemory } from './identify-key/digest-memory.js';
import { KeyCache } from './identify-key/key-cache.js';
import { askAboutMissedChanges } from './identify-key/missed-changes.js';
import { InFlight } from './exchange/in-flight.js';
import { RequestLog } from './exchange/request-log.js';
import { requestPath } from './request-path.js';

const PEPPER = 'the pepper of the test';
const SECRET = generateSecret('TGate001').reveal();
/** The digest of the stage's key. */
export const DIGEST = digestSecret(SECRET, PEPPER);
/** The digest of the secret that its key has after a rotation, when `DIGEST` is of the former one. */
export const NEW_DIGEST = 'cd'.repeat(32);
/** Milliseconds until an expiring key expires, when a test begins. */
export const LIFE_MS = 60_000;
/** Milliseconds until the grace period of a former secret ends, when a test begins; after the expiry of its key. */
export const GRACE_MS = 2 * LIFE_MS;
/** The body of the stage's requests. */
export const BODY = '{"model":"m","messages":[{"role":"user","content":"hello"}]}';
const COMPLETION = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});
const PRICE = {
  tokenizer: 'o200k_base' as const,
  inputNanoUsdPerMillion: 150_000_000n,
  outputNanoUsdPerMillion: 600_000_000n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 100,
  contextTokens: 2_000_000,
};
const ADMITTED = { kind: 'admitted', rate: null } as unknown as AdmissionDecision;
const EXHAUSTED = { kind: 'credit_exhausted', accountId: 'key:k', availableNanoUsd: 900_000_000n } as AdmissionDecision;

/** The places of the path at which a request can wait. At the last three, a provider was sent it before. */
export const WAITS = [
  'look-up',
  'rate and credit',
  'epoch',
  'closer bound',
  'intent',
  'connection',
  'first provider',
  'refused field',
  'dead connection',
] as const;
/** One of these places. */
export type Wait = (typeof WAITS)[number];

/** A place at which requests wait while a test has shut it. */
class Gate {
  readonly reached: Promise<void>;
  #arrive!: () => void;
  #opened: Promise<void> = Promise.resolve();
  open: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => (this.#arrive = resolve));
  }

  shut(): void {
    this.#opened = new Promise((resolve) => (this.open = resolve));
  }

  pass(): Promise<void> {
    this.#arrive();
    return this.#opened;
  }
}

interface StagedReply {
  readonly status: number;
  /** The head of the reply in lower case. */
  readonly head: string;
  readonly code: string | undefined;
}

/**
 * For specs: the whole request path with stores, providers and clocks that the test controls. Requests arrive over real
 * sockets, and the first one waits at the given place.
 */
export class RequestStage implements KeySnapshotReader {
  readonly gates = Object.fromEntries(WAITS.map((wait) => [wait, new Gate()])) as Record<Wait, Gate>;
  readonly inFlight = new InFlight();
  readonly lines: { code: string }[] = [];
  readonly settled: { chargeNanoUsd: bigint }[] = [];
  readonly finals: { outcome: string; chargeNanoUsd: string }[] = [];
  /** The providers that were sent a request, in order. */
  readonly sent: string[] = [];
  /** The state of the key in key-management and its store. */
  committed: KeySnapshot;
  authorityAway = false;
  /** Milliseconds since the last message about changes of keys. */
  silentMs = 0;
  readonly #listeners: KeyChangeListener[] = [];
  readonly #startMs = 1_795_190_400_000;
  #wallMs = this.#startMs;
  #monotonicMs = 5_000;
  #reserves = 0;
  readonly #server: Server;
  #client: StagedClient | null = null;

  constructor(
    private readonly wait: Wait | null,
    expires: boolean,
    private readonly rotated = false,
  ) {
    if (wait !== null) this.gates[wait].shut();
    this.committed = this.active(expires ? this.#wallMs + LIFE_MS : null);
    const clocks = { wallMs: () => this.#wallMs, monotonicMs: () => this.#monotonicMs };
    const verifyKey = () =>
      this.authorityAway
        ? Promise.reject(new Error('away'))
        : Promise.resolve({ snapshot: this.committed, organization: null });
    const keys = new KeyCache(this, { verifyKey }, (tombstone) => this.inFlight.endKey(tombstone), clocks);
    askAboutMissedChanges(this, keys, this.inFlight);
    const serve = requestPath(chatCompletions, {
      admission: this as unknown as Admission,
      bodyBytesMax: 10_000,
      openRequests: new OpenRequests(100, new BodyBudget(BODY_BUDGET_BYTES)),
      epochs: this as unknown as CreditEpochs,
      gateway: { instanceId: 'i', journalId: 'j' },
      inFlight: this.inFlight,
      journal: this as unknown as Journal,
      keys,
      loads: this as unknown as AccountLoads,
      log: new RequestLog({ warn: (line: { code: string }) => this.lines.push(line) } as unknown as Logger),
      logger: { error: (line: { code: string }) => this.lines.push(line) } as unknown as Logger,
      meter: new RequestMeter(createMetricsRegistry('test', { processMetrics: false })),
      digests: new DigestMemory([PEPPER]),
      newDigests: { note: () => undefined },
      refusedBodies: new RefusedBodies(this as unknown as Admission, { instanceId: 'i', journalId: 'j' }),
      refusedCalls: { note: () => undefined },
      priceVersion: 'v',
      sealedIds: sealedIdsFrom({ pepper: 'the pepper of the stage' }),
      routes: this.#routes(),
    });
    this.#server = createServer(
      (request, reply) => void serve(new Exchange(request, reply, chatCompletions.dialect.errors)),
    );
  }

  /** In a stage of a rotated key the requests have its former secret, whose grace period ends after `GRACE_MS`. */
  active(expiresAtMs: number | null): ActiveSnapshot {
    return {
      apiKeyId: 'k',
      organizationId: 'default',
      version: 1,
      ...(this.rotated
        ? {
            digests: [DIGEST, NEW_DIGEST],
            state: 'extended',
            secrets: [
              { id: 'k', digests: [DIGEST], form: 'native', endsAtMs: this.#startMs + GRACE_MS },
              { id: 'new', digests: [NEW_DIGEST], form: 'native', endsAtMs: null },
            ],
          }
        : { digests: [DIGEST], state: 'active' }),
      name: 'k',
      scopes: ['inference:write'],
      expiresAtMs,
      models: null,
      allowedIps: null,
      rateLimits: { requestsPerMinute: 10, tokensPerMinute: null, parallelRequests: null },
      accounts: [{ accountId: 'key:k', capNanoUsd: '1000000000' }],
    };
  }

  /** The key as that of a subscription, which ends at a moment (milliseconds since 1970). */
  subscribed(endsAtMs: number, version = 2): ActiveSnapshot {
    const quotas = [{ fromMs: 0, quotaNanoUsd: '1000000000' }];
    const subscription = { subscriptionId: 's', anchorMs: 0, quotas, endsAtMs, payg: null };
    return { ...this.active(null), version, state: 'subscribed', subscription };
  }

  dead(reason: Tombstone['reason'], version = 2): Tombstone {
    const digests = this.rotated ? [DIGEST, NEW_DIGEST] : [DIGEST];
    return { apiKeyId: 'k', organizationId: 'default', version, digests, state: 'revoked', reason };
  }

  /** The tombstone of the former secret alone. */
  deadSecret(reason: RevokeReason, version = 2): Tombstone {
    return { ...this.dead(reason, version), digests: [DIGEST], secretId: 'k' };
  }

  /** Ends the key, and announces it. */
  end(reason: Tombstone['reason'], version = 2): void {
    this.committed = this.dead(reason, version);
    this.changes.changed(this.committed);
  }

  /** Advances one clock or both, and checks the requests in flight as a gateway does four times a second. */
  passTime(monotonicMs: number, wallMs = monotonicMs): void {
    this.#monotonicMs += monotonicMs;
    this.#wallMs += wallMs;
    this.inFlight.endExpired();
  }

  /** Delivers changes of keys to the gateway. */
  readonly changes: KeyChangeListener = {
    changed: (snapshot) => this.#listeners.forEach((listener) => listener.changed(snapshot)),
    forget: (digests) => this.#listeners.forEach((listener) => listener.forget(digests)),
    gap: () => this.#listeners.forEach((listener) => listener.gap()),
  };

  async client(): Promise<StagedClient> {
    if (this.#client !== null) return this.#client;
    if (!this.#server.listening) await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return (this.#client = new StagedClient((this.#server.address() as AddressInfo).port));
  }

  /** Connects another client. */
  anotherClient(): Promise<StagedClient> {
    this.stopClient();
    return this.client();
  }

  stopClient(): void {
    this.#client?.socket.destroy();
    this.#client = null;
  }

  stop(): void {
    this.stopClient();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  // These methods stand in for the store of snapshots.
  async read(): Promise<SnapshotRead> {
    const snapshot = this.committed;
    await this.gates['look-up'].pass();
    return { kind: 'found', snapshot };
  }

  readOrganization(): Promise<OrganizationRead> {
    return Promise.resolve({ kind: 'absent' });
  }

  follow(listener: KeyChangeListener): void {
    this.#listeners.push(listener);
  }

  ageMs(): number {
    return this.silentMs;
  }

  mayHaveImportedKeys(): boolean {
    return false;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  // These methods stand in for admission and its epochs.
  async reserve(): Promise<AdmissionDecision> {
    this.#reserves += 1;
    if (this.wait === 'epoch' && this.#reserves === 1) return { kind: 'unavailable', why: 'no_epoch' };
    if (this.wait === 'closer bound' && this.#reserves === 1) return EXHAUSTED;
    await this.gates[this.wait === 'closer bound' ? 'closer bound' : 'rate and credit'].pass();
    return ADMITTED;
  }

  open(): Promise<void> {
    return this.gates.epoch.pass();
  }

  noteUnusable(): void {
    // No test reads which organisations have no epoch.
  }

  noteUsable(): void {
    // As above.
  }

  settle(item: { chargeNanoUsd: bigint }): void {
    this.settled.push(item);
  }

  // These methods stand in for the journal.
  async append(type: string, _request: unknown, _number: number, json: string): Promise<boolean> {
    if (type === 'F') this.finals.push(JSON.parse(json) as { outcome: string; chargeNanoUsd: string });
    else await this.gates.intent.pass();
    return true;
  }

  takeNumber(): number {
    return 1;
  }

  // The providers: `a` is tried first, then `b`.
  #routes(): RouteTable {
    const names = ['a', 'b'];
    const provider = (name: string): Provider => ({
      name,
      dialects: OPENAI_DIALECTS,
      pathOf: () => '/chat',
      blamesConfiguration: () => false,
      callerHeaders: () => null,
      defaultHeaders: [],
      customTools: false,
      earlierThoughts: null,
      mistralsCallIds: null,
      hints: false,
      endsAtZero: false,
      allowBetas: [],
      pool: this.#pool(name, false),
      freshPool: this.#pool(name, true),
      injectedFields: new InjectedFields({ ceilingField: 'max_tokens', streamOptions: true }),
      endAtHold: false,
      mask: null,
      allowFields: new Set(),
      load: { calls: 0, callsMax: 100 },
      credential: null,
      headers: [],
      timeoutMs: 120_000,
      firstByteTimeoutMs: 120_000,
    });
    const targets = names.map((name) => ({ provider: name, model: 'm', weight: name === 'a' ? 1 : 0 }));
    return new RouteTable(
      {
        routes: [{ name: 'm', targets, access: 'everyone' }],
        prices: names.map((name) => ({ provider: name, model: 'm', price: PRICE })),
      },
      new Map(names.map((name) => [name, provider(name)])),
    );
  }

  #pool(name: string, fresh: boolean): Pool {
    const dispatch = (_options: unknown, handler: Required<Dispatcher.DispatchHandler>): boolean => {
      void this.#call(name, fresh, handler);
      return true;
    };
    return { dispatch } as unknown as Pool;
  }

  async #call(name: string, fresh: boolean, handler: Required<Dispatcher.DispatchHandler>): Promise<void> {
    await this.gates.connection.pass();
    if (fresh) await this.gates['dead connection'].pass();
    let error: Error | null = null;
    let onAbort = (): void => undefined;
    const abort = (why: Error): void => {
      error = why;
      onAbort();
    };
    const controller = { abort } as unknown as Dispatcher.DispatchController;
    const first = this.sent.length === 0;
    handler.onRequestStart(controller, null);
    if (error !== null) return handler.onResponseError(controller, error);
    this.sent.push(name);
    if (first && this.wait === 'dead connection') {
      return handler.onResponseError(controller, Object.assign(new Error('closed'), { code: 'ERR_DEAD_CONNECTION' }));
    }
    const gate = this.gates[this.wait === 'refused field' ? 'refused field' : 'first provider'];
    await Promise.race([gate.pass(), new Promise<void>((resolve) => (onAbort = resolve))]);
    if (error !== null) return handler.onResponseError(controller, error);
    const { status, body } = this.#answer(first);
    handler.onResponseStart(controller, status, { 'content-type': 'application/json' }, '');
    handler.onResponseData(controller, Buffer.from(body));
    handler.onResponseEnd(controller, {});
  }

  /** True if the first provider fails, so that the second is asked. */
  failing = false;

  #answer(first: boolean): { status: number; body: string } {
    if (first && this.failing) return { status: 503, body: '{"error":"overloaded"}' };
    if (first && this.wait === 'refused field') return { status: 400, body: '{"error":"max_tokens is not supported"}' };
    return { status: 200, body: COMPLETION };
  }
}

/** One connection of a client that sends its requests step by step. */
class StagedClient {
  readonly socket: Socket;
  #received = '';
  #news = (): void => undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1').on('error', () => undefined);
    this.socket.setEncoding('latin1').on('data', (data: string) => {
      this.#received += data;
      this.#news();
    });
  }

  /** The text that has arrived and belongs to no reply that was read. */
  get received(): string {
    return this.#received;
  }

  /** Sends the head of a request, and the given number of bytes of its body. */
  begin(bytes: number): void {
    const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${SECRET}`;
    this.send(`${head}\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY.slice(0, bytes)}`);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Resolves with the next whole reply. */
  async reply(): Promise<StagedReply> {
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n');
      const head = this.#received.slice(0, end).toLowerCase();
      const whole = end + 4 + Number(/content-length: (\d+)/.exec(head)?.[1]);
      if (end !== -1 && this.#received.length >= whole) {
        const body = JSON.parse(this.#received.slice(end + 4, whole)) as { error?: { code: string } };
        this.#received = this.#received.slice(whole);
        return { status: Number(head.split(' ')[1]), head, code: body.error?.code };
      }
      await new Promise<void>((resolve) => (this.#news = resolve));
    }
  }
}
