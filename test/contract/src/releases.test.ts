import { randomInt, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RedisAdmission, RedisAdmissionBooks } from '@tollgate/admission';
import * as contracts from '@tollgate/contracts';
import type { AnnouncedFinal } from '@tollgate/credit';
import { startRedis, waitUntil, type RedisServer } from '@tollgate/infra';
import { RedisKeySnapshotReader, RedisKeySnapshotWriter } from '@tollgate/key-snapshots';
import { connectRedis, storeKnown, type RedisConnection } from '@tollgate/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as formerAdmission from '../releases/2026-11-29-3/admission/index.js';
import * as formerContracts from '../releases/2026-11-29-3/contracts/index.js';
import * as formerSnapshots from '../releases/2026-11-29-3/key-snapshots/index.js';
import { randomBelow } from './random-below.js';

let server: RedisServer;
/** Each release has its own connection, because their scripts have the same names. */
let ours: RedisConnection, theirs: RedisConnection;
beforeAll(async () => {
  server = await startRedis();
  [ours, theirs] = ['this', 'former'].map((name) =>
    connectRedis({ url: server.url, name, commandTimeoutMs: 10_000 }),
  ) as [RedisConnection, RedisConnection];
  await Promise.all([storeKnown(ours, 30_000), storeKnown(theirs, 30_000)]);
});
afterAll(async () => {
  await Promise.all([ours?.close(), theirs?.close()]);
  await server?.stop();
});

type Sample = Record<string, unknown>;
const json = (path: string): Sample => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Sample;
const golden = (path: string): Sample => json(`../../../libs/domain/contracts/src/${path}.json`);
/** A golden file that the former release kept. */
const formerGolden = (name: string): Sample => json(`../releases/2026-11-29-3/golden/${name}.json`);
const active = golden('internal/golden/key-snapshot.active');
const revoked = golden('internal/golden/key-snapshot.revoked');
const organization = golden('internal/golden/organization-snapshot');
/** What the former release must refuse rather than read without the rules that it does not know. */
const subscribed = golden('internal/golden/key-snapshot.subscribed');
/** The same with what its plan charges in the next cycle, as a change of plan says it. */
const changing = {
  ...subscribed,
  subscription: {
    ...(subscribed['subscription'] as Sample),
    cycleTerms: [
      { fromMs: 1795217400000, payg: { capNanoUsd: '5000000000' }, markupMillionths: null },
      { fromMs: 1797809400000, payg: null, markupMillionths: 50000 },
    ],
  },
};
const billed = golden('internal/golden/organization-snapshot.billed');
/** What both releases know beyond the plain. */
const extended = golden('internal/golden/key-snapshot.extended');
const extendedOrganization = golden('internal/golden/organization-snapshot.extended');
const formerExtended = formerGolden('key-snapshot.extended');
const formerExtendedOrganization = formerGolden('organization-snapshot.extended');
const formerActive = formerGolden('key-snapshot.active');
const formerRevoked = formerGolden('key-snapshot.revoked');
const formerOrganization = formerGolden('organization-snapshot');
/** Key snapshots with the fewest and with the most fields set. */
const variantsOf = (snapshot: Sample): Sample[] => [
  snapshot,
  {
    ...snapshot,
    expiresAtMs: null,
    models: null,
    allowedIps: null,
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    accounts: [
      { accountId: 'key:k', capNanoUsd: null },
      { accountId: 'organization:o', capNanoUsd: '0' },
    ],
  },
];
const reasonsOf = (snapshot: Sample): Sample[] =>
  ['revoked', 'deleted', 'leaked', 'disabled'].map((reason) => ({ ...snapshot, reason }));
const digest = 'ab'.repeat(32);
const leaked = {
  apiKeyId: 'k',
  organizationId: 'o',
  name: 'n',
  maskedKey: 'm',
  revokedAt: '2026-11-21T08:00:00.000Z',
  ownerEmails: ['a@b'],
};
const spent = {
  apiKeyId: 'k',
  requests: 1,
  inputTokens: 2,
  outputTokens: 3,
  chargedNanoUsd: '4',
  lastUsedAt: '2026-11-21T08:00:00.000Z',
  lastUsedFrom: '::1',
};

describe('what this release and the third of 2026-11-29 tell each other', () => {
  type Schema = keyof typeof contracts & keyof typeof formerContracts;
  const usage = golden('events/golden/usage-recorded.v1');
  const outcomes = [
    'completed',
    'client_left',
    'provider_interrupted',
    'provider_failed',
    'provider_refused',
    'revoked',
    'orphaned',
  ];
  const read = (from: object, schema: Schema, sample: unknown): unknown =>
    (from as Record<Schema, { parse(sample: unknown): unknown }>)[schema].parse(sample);

  it.each<[Schema, unknown]>([
    ['keysChangedV1', golden('events/golden/keys-changed.v1')],
    ['keysUsedV1', golden('events/golden/keys-used.v1')],
    ['usageRecordedV2', golden('events/golden/usage-recorded.v2')],
    ['leaksReportedV1', golden('events/golden/leaks-reported.v1')],
    ...outcomes.map((outcome): [Schema, unknown] => ['usageRecordedV1', { ...usage, outcome }]),
    ['verifyKeyRequest', { digest }],
    ['knownKeysReply', { apiKeyIds: ['k'] }],
    ['revokeLeakedKeysRequest', { origin: 'github', digests: [digest] }],
    [
      'revokeLeakedKeysReply',
      {
        items: [
          { digest, outcome: 'revoked', key: leaked },
          { digest, outcome: 'unknown', key: null },
        ],
      },
    ],
    ['registerGatewayRequest', { instanceId: 'i', journalId: 'j' }],
    ['openCreditEpochRequest', { organizationId: 'o' }],
    ['spendingByKeyReply', { spending: [spent, { ...spent, lastUsedAt: null, lastUsedFrom: null }] }],
  ])('is read by both as it was written: %s', (schema, sample) => {
    expect(read(formerContracts, schema, sample)).toEqual(sample);
    expect(read(contracts, schema, sample)).toEqual(sample);
  });

  it.each<[Schema, Sample]>([
    ...[...variantsOf(active), extended, ...reasonsOf(revoked)].map((sample): [Schema, Sample] => [
      'keySnapshot',
      sample,
    ]),
    ['organizationSnapshot', organization],
    ['organizationSnapshot', extendedOrganization],
    ['verifyKeyReply', { snapshot: null, organization: null }],
    ['verifyKeyReply', { snapshot: active, organization }],
    ['knownKeysRequest', { organizationId: 'o', apiKeyIds: ['k'] }],
    ['spendingByKeyRequest', { organizationId: 'o', apiKeyIds: ['k'] }],
  ])('is read by the former as it was written: %s', (schema, sample) => {
    expect(read(formerContracts, schema, sample)).toEqual(sample);
  });

  it.each<[Schema, Sample]>([
    ['keySnapshot', subscribed],
    ['keySnapshot', changing],
    ['organizationSnapshot', billed],
    ['verifyKeyReply', { snapshot: subscribed, organization }],
    ['verifyKeyReply', { snapshot: active, organization: billed }],
  ])('is refused by the former, and read by this release: %s', (schema, sample) => {
    expect(() => read(formerContracts, schema, sample)).toThrow();
    expect(read(contracts, schema, sample)).toEqual(sample);
  });

  it.each<[Schema, Sample, Sample]>([
    ...[...variantsOf(formerActive), formerExtended, ...reasonsOf(formerRevoked)].map(
      (sample): [Schema, Sample, Sample] => ['keySnapshot', sample, sample],
    ),
    ['organizationSnapshot', formerOrganization, formerOrganization],
    ['organizationSnapshot', formerExtendedOrganization, formerExtendedOrganization],
    ...[
      { snapshot: null, organization: null },
      { snapshot: formerActive, organization: formerOrganization },
    ].map((sample): [Schema, Sample, Sample] => ['verifyKeyReply', sample, sample]),
    ...(['knownKeysRequest', 'spendingByKeyRequest'] as const).map((schema): [Schema, Sample, Sample] => [
      schema,
      { organizationId: 'o', apiKeyIds: ['k'] },
      { organizationId: 'o', apiKeyIds: ['k'] },
    ]),
    ...(
      [
        ['keysChangedV1', 'keys-changed.v1'],
        ['keysUsedV1', 'keys-used.v1'],
        ['leaksReportedV1', 'leaks-reported.v1'],
        ['usageRecordedV1', 'usage-recorded.v1'],
        ['usageRecordedV1', 'usage-recorded.v1.with-secret'],
        ['usageRecordedV2', 'usage-recorded.v2'],
      ] as const
    ).map(([schema, name]): [Schema, Sample, Sample] => [schema, formerGolden(name), formerGolden(name)]),
  ])('is read as the former wrote it: %s', (schema, sample, meant) => {
    expect(read(contracts, schema, sample)).toEqual(meant);
  });
});

describe('key snapshots on Redis', () => {
  const sides = [
    {
      by: 'this release',
      to: 'the former',
      samples: variantsOf(active).map((sample) => [sample, revoked] as const),
      write: () => new RedisKeySnapshotWriter(ours),
      read: () => new formerSnapshots.RedisKeySnapshotReader(theirs),
    },
    {
      by: 'the former',
      to: 'this release',
      samples: variantsOf(formerActive).map((sample) => [sample, formerRevoked] as const),
      write: () => new formerSnapshots.RedisKeySnapshotWriter(theirs),
      read: () => new RedisKeySnapshotReader(ours),
    },
  ];
  it.each(sides)(
    'written by $by are read and heard by $to, and a newer one stays',
    async ({ write, read, samples }) => {
      const [writer, reader] = [write(), read()];
      const other = sides.find((side) => side.write !== write)!.write();
      try {
        const heard: unknown[] = [];
        reader.follow({
          changed: (snapshot: unknown) => heard.push(snapshot),
          forget: () => undefined,
          gap: () => undefined,
        });
        await waitUntil(
          async () => {
            await writer.heartbeat();
            return reader.ageMs() < 1_000;
          },
          { what: 'the follower to be up to date' },
        );
        for (const [sample, tombstone] of samples) {
          const digests = [randomUUID().replaceAll('-', '').repeat(2)];
          const living = { ...sample, digests } as never;
          const dead = { ...tombstone, digests, version: 2 } as never;
          await writer.write(living);
          expect(await reader.read(digests[0]!)).toEqual({ kind: 'found', snapshot: living });
          await writer.write(dead);
          await other.write(living);
          await other.refill(living);
          expect(await reader.read(digests[0]!)).toEqual({ kind: 'found', snapshot: dead });
          await waitUntil(() => heard.length >= 2, { what: 'both changes to be heard' });
          expect(heard.splice(0)).toEqual([living, dead]);
        }
      } finally {
        await reader.close();
      }
    },
  );
});

describe('an organisation on Redis', () => {
  it.each([0, 1])('that either release changes is heard and read by both: %s', async (side) => {
    const writers = [new RedisKeySnapshotWriter(ours), new formerSnapshots.RedisKeySnapshotWriter(theirs)] as const;
    const readers = [new RedisKeySnapshotReader(ours), new formerSnapshots.RedisKeySnapshotReader(theirs)] as const;
    const heard: unknown[][] = [[], []];
    try {
      for (const at of [0, 1])
        readers[at]!.follow({
          changed: () => heard[at]!.push('a key'),
          forget: () => heard[at]!.push('an unknown key'),
          organizationChanged: (snapshot: unknown) => heard[at]!.push(snapshot),
          gap: () => heard[at]!.push('a gap'),
        });
      await waitUntil(
        async () => {
          await writers[0].heartbeat();
          return readers.every((reader) => reader.ageMs() < 1_000);
        },
        { what: 'both followers to be up to date' },
      );
      for (const each of heard) each.length = 0;
      const organizationId = randomUUID();
      const changes = [1, 2, 3].map((version) => ({ ...organization, organizationId, version }) as never);
      for (const change of changes) {
        await writers[1 - side]!.heartbeat();
        await writers[side]!.writeOrganization(change);
      }
      await waitUntil(() => heard.every((each) => each.length >= changes.length), { what: 'the changes to be heard' });
      expect(heard).toEqual([changes, changes]);
      await writers[1 - side]!.writeOrganization(changes[0]!);
      for (const reader of readers)
        expect(await reader.readOrganization(organizationId)).toEqual({ kind: 'found', snapshot: changes[2] });
    } finally {
      await Promise.all(readers.map((reader) => reader.close()));
    }
  });
});

describe('accounts of limits with cycles and loads, beside the former release', () => {
  const daily = {
    accountId: 'key:k:daily:2026-11-29',
    capNanoUsd: 20n,
    generation: 3,
    cycle: { startMs: 0, endMs: Number.MAX_SAFE_INTEGER },
  };
  const plain = { accountId: 'key:former', capNanoUsd: 20n };

  async function stage() {
    const organizationId = randomUUID();
    const gateways = { former: new formerAdmission.RedisAdmission(theirs), own: new RedisAdmission(ours) };
    const books = { former: new formerAdmission.RedisAdmissionBooks(theirs), own: new RedisAdmissionBooks(ours) };
    await Promise.all([gateways.former.renewLease('former'), gateways.own.renewLease('own')]);
    const item = (accounts: readonly { accountId: string; capNanoUsd: bigint }[]) => ({
      requestId: randomUUID(),
      organizationId,
      apiKeyId: 'k',
      instanceId: 'i',
      journalId: 'j',
      amountNanoUsd: 5n,
      accounts,
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
      tokens: 0,
    });
    const opening = { organizationId, epochId: 'e', booked: [], waitingFor: [] };
    const load = { accountId: daily.accountId, unheldNanoUsd: 6n, generation: 3 };
    return { organizationId, gateways, books, item, opening, load };
  }

  it('stay as they are while gateways of the former release reserve and settle on other accounts', async () => {
    const { organizationId, gateways, books, item, opening, load } = await stage();
    await books.own.openEpoch({ ...opening, posted: [{ ...load, postedNanoUsd: 8n }] });
    const theirCall = item([plain]);
    expect(await gateways.former.reserve(theirCall)).toMatchObject({ kind: 'admitted' });
    gateways.former.settle({ requestId: theirCall.requestId, organizationId, chargeNanoUsd: 4n, tokens: 0 });
    await gateways.former.drain();
    expect(await gateways.own.reserve(item([daily, plain]))).toMatchObject({ kind: 'admitted' });
    await books.own.loadAccounts(organizationId, [load]);
    const accounts = await books.former.accounts(organizationId);
    expect(accounts.get(daily.accountId)).toEqual({ postedNanoUsd: 8n, heldNanoUsd: 5n });
    expect(accounts.get(plain.accountId)).toEqual({ postedNanoUsd: 4n, heldNanoUsd: 5n });
    expect(await gateways.former.reserve(item([plain]))).toMatchObject({ kind: 'admitted' });
  });

  it('are loaded again after usage-billing of the former release has opened an epoch', async () => {
    const { organizationId, gateways, books, item, opening, load } = await stage();
    await books.own.openEpoch({ ...opening, posted: [{ ...load, postedNanoUsd: 8n }] });
    await books.former.closeEpoch(organizationId);
    const posted = [{ accountId: daily.accountId, postedNanoUsd: 0n }];
    expect(await books.former.openEpoch({ ...opening, posted })).toBe(true);
    const { accountId } = daily;
    expect(await gateways.own.reserve(item([daily]))).toEqual({ kind: 'unavailable', why: 'not_loaded', accountId });
    expect(await gateways.own.reserve(item([plain]))).toMatchObject({ kind: 'admitted' });
    expect(await books.own.loadAccounts(organizationId, [load])).toBe(true);
    expect(await gateways.own.reserve(item([daily]))).toMatchObject({ kind: 'admitted' });
  });
});

describe('gateways and usage-billing of both releases', () => {
  const lives = 300,
    steps = 40;
  it(`never admit past a cap together, and agree on what is left, in ${lives} random lives`, async () => {
    const seed = randomInt(2 ** 31);
    const outcomes = new Map<string, number>();
    for (let first = 0; first < lives; first += 50) {
      const some = Array.from({ length: 50 }, (_, number) => new MixedLife(seed, first + number).live());
      for (const outcome of (await Promise.all(some)).flat()) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (const outcome of [
      'admitted',
      'credit_exhausted',
      'rate_limited',
      'settled',
      'booked',
      'opened anew',
      'booked before announced',
      'booked after announced',
    ])
      expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(lives / 4);
  });

  interface Hold {
    readonly side: number;
    readonly amountNanoUsd: bigint;
    readonly tokens: number;
  }

  /** An organisation with one capped key, served in turns by gateways and usage-billing of both releases. */
  class MixedLife {
    readonly #organizationId: string;
    readonly #below: (bound: number) => number;
    readonly #gateways = [new formerAdmission.RedisAdmission(theirs), new RedisAdmission(ours)] as const;
    readonly #bothBooks = [new formerAdmission.RedisAdmissionBooks(theirs), new RedisAdmissionBooks(ours)] as const;
    readonly #instances = [randomUUID(), randomUUID()] as const;
    readonly #holds = new Map<string, Hold>();
    readonly #outcomes: string[] = [];
    /** The sum of all charges so far. `#final` is the number of the last final, for both journals. */
    #posted = 0n;
    #final = 0;
    #requests = 0;
    readonly #cap = 60n;

    constructor(
      private readonly seed: number,
      private readonly number: number,
    ) {
      this.#organizationId = `mixed-${seed}-${number}`;
      this.#below = randomBelow(seed, number);
    }

    async live(): Promise<readonly string[]> {
      for (const side of [0, 1] as const) await this.#gateways[side].renewLease(this.#instances[side]);
      await this.#open(0);
      for (let step = 0; step < steps; step++) {
        await this.#step();
        await this.#expectBooks(`seed ${this.seed}, life ${this.number}, step ${step}`);
      }
      for (const requestId of [...this.#holds.keys()]) await this.#end(requestId);
      await this.#expectBooks(`seed ${this.seed}, life ${this.number}, at its end`);
      // All places of parallel requests are free again: the limit of four can be taken, and no more.
      const decided = [];
      for (let place = 0; place < 5; place++) decided.push(await this.#reserve(place % 2, 0n));
      expect(decided).toEqual(['admitted', 'admitted', 'admitted', 'admitted', 'rate_limited']);
      return this.#outcomes;
    }

    async #step(): Promise<void> {
      const held = [...this.#holds.keys()];
      const some = held[this.#below(Math.max(1, held.length))];
      switch (this.#below(8)) {
        case 0:
        case 1:
        case 2:
        case 3:
          this.#outcomes.push(await this.#reserve(this.#below(2), BigInt(this.#below(20))));
          return;
        case 4:
        case 5:
          if (some !== undefined) await this.#end(some);
          return;
        case 6:
          if (some !== undefined) await this.#book(some);
          return;
        default:
          await this.#bothBooks[this.#below(2)]!.closeEpoch(this.#organizationId);
          await this.#open(this.#below(2));
          this.#outcomes.push('opened anew');
      }
    }

    async #reserve(side: number, amountNanoUsd: bigint): Promise<string> {
      const requestId = `r${this.#requests++}`;
      const tokens = this.#below(9);
      const item = {
        requestId,
        amountNanoUsd,
        tokens,
        organizationId: this.#organizationId,
        apiKeyId: 'key-1',
        instanceId: this.#instances[side]!,
        journalId: `journal-${side}`,
        accounts: [{ accountId: 'key:key-1', capNanoUsd: this.#cap }],
        rateLimits: { requestsPerMinute: null, tokensPerMinute: 1_000_000, parallelRequests: 4 },
      };
      const openEnded = this.#below(2) === 0 ? { inputTokens: tokens, answersOf: 'model' } : null;
      const decision = await this.#gateways[side]!.reserve({ ...item, openEnded });
      if (decision.kind === 'admitted') this.#holds.set(requestId, { side, amountNanoUsd, tokens });
      return decision.kind;
    }

    /** Ends a request at the gateway that admitted it. */
    async #end(requestId: string): Promise<void> {
      const { side, amountNanoUsd, tokens } = this.#holds.get(requestId)!;
      const chargeNanoUsd = BigInt(this.#below(Number(amountNanoUsd) + 1));
      if (this.#below(2) === 0) this.#gateways[side]!.leave(requestId, this.#organizationId);
      const item = { requestId, chargeNanoUsd, tokens, organizationId: this.#organizationId };
      this.#gateways[side]!.settle({ ...item, answerTokens: this.#below(2) === 0 ? this.#below(50) : null });
      await this.#gateways[side]!.drain();
      this.#ended(requestId, chargeNanoUsd, 'settled');
    }

    /** Usage-billing of either release settles before the gateway does; the gateway's settle then changes nothing. */
    async #book(requestId: string): Promise<void> {
      const { side, amountNanoUsd, tokens } = this.#holds.get(requestId)!;
      const chargeNanoUsd = BigInt(this.#below(Number(amountNanoUsd) + 1));
      const item = { requestId, chargeNanoUsd, tokens, organizationId: this.#organizationId };
      await this.#bothBooks[this.#below(2)]!.settleBooked(this.#organizationId, [
        { ...item, journalId: `journal-${side}`, journalNumber: ++this.#final, accountIds: ['key:key-1'] },
      ]);
      this.#gateways[side]!.settle(item);
      await this.#gateways[side]!.drain();
      this.#ended(requestId, chargeNanoUsd, 'booked');
    }

    #ended(requestId: string, chargeNanoUsd: bigint, outcome: string): void {
      this.#holds.delete(requestId);
      this.#posted += chargeNanoUsd;
      this.#outcomes.push(outcome);
    }

    /**
     * Opens an epoch from the ledger's balances, under which both gateways announce their holds. One request may end
     * meanwhile: its final is booked either before or after its gateway announces it.
     */
    async #open(side: number): Promise<void> {
      const waitingFor = this.#instances.map((instanceId, at) => ({ instanceId, journalId: `journal-${at}` }));
      const posted = [{ accountId: 'key:key-1', postedNanoUsd: this.#posted }];
      const booked = waitingFor.map(({ journalId }) => ({ journalId, number: this.#final }));
      const opening = { organizationId: this.#organizationId, epochId: randomUUID(), posted, booked, waitingFor };
      await this.#bothBooks[side]!.openEpoch(opening);
      const ending = this.#below(2) === 0 ? [...this.#holds][0] : undefined;
      if (ending === undefined) return this.#announce(null);
      const [requestId, { side: at, amountNanoUsd, tokens }] = ending;
      const final = {
        ...this.#holdOf(requestId, {
          side: at,
          amountNanoUsd: BigInt(this.#below(Number(amountNanoUsd) + 1)),
          tokens: 0,
        }),
        parallel: false,
        journalNumber: ++this.#final,
      };
      const { journalId, journalNumber, accountIds, amountNanoUsd: chargeNanoUsd } = final;
      const item = { requestId, chargeNanoUsd, tokens, organizationId: this.#organizationId };
      const books = this.#bothBooks[this.#below(2)]!;
      const book = () => books.settleBooked(this.#organizationId, [{ ...item, journalId, journalNumber, accountIds }]);
      const bookedFirst = this.#below(2) === 0;
      this.#ended(requestId, chargeNanoUsd, bookedFirst ? 'booked before announced' : 'booked after announced');
      if (bookedFirst) await book();
      await this.#announce({ at, final });
      await book();
    }

    async #announce(ended: { at: number; final: AnnouncedFinal } | null): Promise<void> {
      for (const at of [0, 1] as const) {
        const holds = [...this.#holds]
          .filter(([, hold]) => hold.side === at)
          .map(([requestId, hold]) => this.#holdOf(requestId, hold));
        const finals = ended?.at === at ? [ended.final] : [];
        const announcement = { organizationId: this.#organizationId, journalId: `journal-${at}`, holds, finals };
        await this.#gateways[at].announce(announcement);
      }
    }

    #holdOf(requestId: string, { side, amountNanoUsd, tokens }: Hold) {
      const whose = { requestId, apiKeyId: 'key-1', instanceId: this.#instances[side]!, journalId: `journal-${side}` };
      return { ...whose, amountNanoUsd, tokens, accountIds: ['key:key-1'], parallel: true };
    }

    async #expectBooks(when: string): Promise<void> {
      const held = [...this.#holds.values()].reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
      expect(this.#posted + held, when).toBeLessThanOrEqual(this.#cap);
      for (const books of this.#bothBooks) {
        const { postedNanoUsd = 0n, heldNanoUsd = 0n } =
          (await books.accounts(this.#organizationId)).get('key:key-1') ?? {};
        expect([postedNanoUsd, heldNanoUsd], when).toEqual([this.#posted, held]);
        expect((await books.openHolds(this.#organizationId)).map(({ requestId }) => requestId).sort(), when).toEqual(
          [...this.#holds.keys()].sort(),
        );
      }
    }
  }
});
