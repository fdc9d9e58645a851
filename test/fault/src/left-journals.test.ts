import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startKafka, tempFolder, waitUntil, type KafkaServer } from '@tollgate/infra';
import { queryDatabase, repository, startDistributed, type CreatedKey, type DistributedShape } from '@tollgate/journey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountOf, balancesOf, expectInvariants, watchCaps } from './invariants.js';
import { lastProgressIn } from './gateway-journal.js';
import { eventOf } from './ledger.js';
import { keysOfAllKinds, Load } from './load.js';
import { tellMeasured } from './measured.js';
import { chanceOf, reportFaults, startAllAgain } from './stage.js';

/** Longer than any pause of a gateway on a busy machine. */
const GONE_AFTER_MS = 5_000;
const SLOW_STREAM = { prompt_tokens: 20, completion_tokens: 400, chunks: 400, chunk_interval_ms: 50 };
const SHIPPING = 'the journal of a gateway that is gone is being shipped';
const REMOVED = 'the journal of a gateway that is gone is booked, and was removed';

/** Three gateways on one volume, and a Kafka that can be away. */
interface Stage {
  readonly shape: DistributedShape;
  readonly kafka: KafkaServer;
  readonly volume: string;
  readonly environment: () => Readonly<Record<string, string>>;
  repair(): Promise<void>;
}

describe('gateways on one volume', () => {
  let stage: Stage;
  beforeAll(async () => {
    const kafka = await startKafka();
    const volume = tempFolder('tollgate-shared-volume');
    let environment: Readonly<Record<string, string>> = {};
    const shape = await startDistributed({
      gateways: 3,
      gatewayGoneAfterMs: GONE_AFTER_MS,
      kafka,
      environmentOf: (process, given) =>
        process.startsWith('gateway') ? (environment = { ...given, TOLLGATE_DATA: volume }) : given,
    });
    const repair = async (): Promise<void> => {
      await kafka.restart();
      await startAllAgain(shape);
    };
    stage = { shape, kafka, volume, environment: () => environment, repair };
  });
  afterAll(async () => {
    await stage?.shape.stop();
    await stage?.kafka.kill();
    await stage?.kafka.stop();
  });
  reportFaults(() => stage);

  const gateway = (number: number) => stage.shape.gateways[number]!.process;
  const says = (number: number, text: string): boolean => gateway(number).output().includes(text);
  const journals = (): string[] =>
    readdirSync(stage.volume).flatMap((name) =>
      name === 'journals' ? readdirSync(join(stage.volume, name)).map((each) => `${name}/${each}`) : [name],
    );
  const goneInBooks = async (): Promise<number> =>
    (
      await queryDatabase<{ gone: string }>(
        stage.shape.databaseUrl,
        'SELECT count(*) AS gone FROM billing.gateway_instance WHERE gone_at IS NOT NULL',
      )
    ).map(({ gone }) => Number(gone))[0]!;
  const untilWhole = (load: Load, count: number, gateways: readonly number[]) =>
    load.untilFurther(count, 'calls are served', (record) => record.whole && gateways.includes(record.gateway), 60_000);
  /**
   * Calls with each key until both books agree. What is booked beyond its hold closes the credit epoch, and the next
   * call opens one.
   */
  const callUntilEven = (keys: readonly CreatedKey[]) =>
    waitUntil(
      async () => {
        for (const { secret } of keys) await stage.shape.client(1).chat(secret);
        await delay(500);
        const capped = new Set(keys.filter((key) => key.credit_limit_usd !== null).map(accountOf));
        const balances = (await balancesOf(stage.shape)).filter(({ accountId }) => capped.has(accountId));
        return balances.every((each) => each.held === 0n && each.ledgerPosted === (each.admissionPosted ?? 0n));
      },
      { what: 'both books to agree', timeoutMs: 60_000, intervalMs: 500 },
    );
  const heldNow = async (): Promise<bigint> =>
    (await balancesOf(stage.shape)).reduce((sum, { held }) => sum + held, 0n);

  it('each have a journal of their own', () => {
    expect(journals()).toHaveLength(3);
    expect(journals()).toContain('journal');
  });

  it('ship the journal of one that is stopped for long only once it goes on: its lock is not free', async () => {
    const { shape } = stage;
    const keys = await keysOfAllKinds(shape);
    const caps = watchCaps(shape, keys);
    const load = new Load(shape, { keys, workers: 2 });
    await untilWhole(load, 60, [0, 1, 2]);
    const before = await goneInBooks();
    process.kill(gateway(0).pid, 'SIGSTOP');
    try {
      await waitUntil(async () => (await goneInBooks()) > before, {
        what: 'the gateway to be gone',
        timeoutMs: 60_000,
      });
      // Longer than it takes to look at it again.
      await delay(5_000);
      expect(journals()).toHaveLength(3);
      expect([1, 2].some((number) => says(number, SHIPPING))).toBe(false);
    } finally {
      process.kill(gateway(0).pid, 'SIGCONT');
    }
    await waitUntil(async () => (await goneInBooks()) === before, {
      what: 'the gateway to be back',
      timeoutMs: 60_000,
    });
    await untilWhole(load, 30, [0]);
    const records = await load.stop();
    await callUntilEven(keys);
    const figures = await expectInvariants(shape, keys, { records, caps, withinMs: 60_000 });
    expect(journals()).toHaveLength(3);
    tellMeasured('a gateway on a shared volume, stopped for ten seconds', figures);
  });

  it('ship what one leaves that is killed while Kafka is away and never comes back, adopters that are killed too', async () => {
    const { shape, kafka } = stage;
    const chance = chanceOf('left journals');
    const keys = await keysOfAllKinds(shape);
    const caps = watchCaps(shape, keys);
    const load = new Load(shape, { keys, workers: 2 });
    await untilWhole(load, 60, [0, 1, 2]);
    await kafka.kill();
    await untilWhole(load, 60, [0, 1, 2]);
    // Under way when its gateway is killed: what it has delivered by then is charged, and until then its hold stays.
    const stream = await shape.client(0).openChat(keys[0]!.secret, { max_tokens: 500, simulator: SLOW_STREAM });
    void stream.ended.catch(() => undefined);
    const hasProgress = (journal: string) => (lastProgressIn(join(stage.volume, journal), stream.requestId) ?? 0) > 0;
    await waitUntil(() => journals().some(hasProgress), { what: 'progress of the stream to be journaled' });
    await delay(chance.between(0, 500));
    const killedAt = performance.now();
    await gateway(0).kill();
    // Its lock is free at once, and its lease lives for some seconds: nobody takes the journal until it is gone.
    const before = await goneInBooks();
    for (;;) {
      const isAdopted = [1, 2].some((number) => says(number, SHIPPING));
      if ((await goneInBooks()) > before) break;
      expect(isAdopted, 'adopted although the lease lives').toBe(false);
      await delay(100);
    }
    await waitUntil(() => [1, 2].some((number) => says(number, SHIPPING)), {
      what: 'another gateway to adopt the journal',
      timeoutMs: 60_000,
    });
    const adopter = says(1, SHIPPING) ? 1 : 2;
    const other = 3 - adopter;
    await untilWhole(load, 30, [adopter, other]);
    await delay(chance.between(0, 1_000));
    await gateway(adopter).kill();
    await waitUntil(() => says(other, SHIPPING), { what: 'the last gateway to go on with it', timeoutMs: 60_000 });
    const records = await load.stop();
    // Kafka is still away: nothing is booked, and nothing that the dead held was given back.
    expect(await heldNow()).toBeGreaterThan(0n);
    expect(says(other, REMOVED)).toBe(false);
    await kafka.restart();
    const restartedAt = performance.now();
    await waitUntil(() => journals().length === 1, { what: 'all left journals to be booked', timeoutMs: 120_000 });
    const bookedAfter = performance.now() - restartedAt;
    const figures = await expectInvariants(shape, keys, { records, caps, withinMs: 60_000 });
    expect(await heldNow()).toBe(0n);
    const orphan = await eventOf(shape.databaseUrl, stream.requestId);
    expect(orphan).toMatchObject({ outcome: 'orphaned' });
    expect(orphan!.outputTokens).toBeGreaterThan(0);
    tellMeasured('two of three gateways killed for good while Kafka is away, one of them as it adopted', {
      'away for': `${Math.round(restartedAt - killedAt)} ms`,
      'booked and removed after': `${Math.round(bookedAfter)} ms`,
      ...figures,
    });
    for (const number of [0, adopter]) await gateway(number).startAgain();
    await waitUntil(() => journals().length === 3, { what: 'three journals' });
  }, 600_000);

  it('leave what a command ships, once nobody mounts their volume: with 1 and a sentence while it cannot, then with 0', async () => {
    const { shape, kafka } = stage;
    const keys = await keysOfAllKinds(shape);
    const load = new Load(shape, { keys, workers: 2 });
    await untilWhole(load, 60, [0, 1, 2]);
    await kafka.kill();
    await untilWhole(load, 30, [0, 1, 2]);
    const inUse = shipJournals();
    expect(await inUse.ended).toMatchObject({ code: 1 });
    expect((await inUse.ended).errors).toMatch(
      /the journal \S+ is left: it is in use by the process \d+, which ships it/,
    );
    await Promise.all([0, 1, 2].map((number) => gateway(number).kill()));
    const records = await load.stop();
    const before = shipJournals();
    await waitUntil(() => before.output().includes(SHIPPING), { what: 'the command to adopt', timeoutMs: 60_000 });
    before.child.kill('SIGTERM');
    expect(await before.ended).toMatchObject({ code: 1 });
    expect((await before.ended).errors).toMatch(
      /the journal \S+ is left: \d+ usage events? could not be published yet/,
    );
    expect(journals().filter((name) => name.startsWith('journal'))).toHaveLength(3);

    await kafka.restart();
    const after = shipJournals();
    expect(await after.ended, after.output()).toMatchObject({ code: 0, errors: '' });
    expect(after.output()).toContain('3 journals were shipped, booked and removed');
    expect(journals()).toEqual([]);
    const figures = await expectInvariants(shape, keys, { records, withinMs: 60_000 });
    // It may be repeated.
    const again = shipJournals();
    expect(await again.ended).toMatchObject({ code: 0 });
    const aside = shipJournals(join(stage.environment()['TOLLGATE_DATA']!, '..'));
    expect(await aside.ended).toEqual({
      code: 1,
      errors: expect.stringContaining('holds no journal, but other files'),
    });
    tellMeasured('all gateways killed for good while Kafka is away, and the command run', figures);
    await Promise.all([0, 1, 2].map((number) => gateway(number).startAgain()));
  }, 600_000);

  /** The command of the image, on the volume of the gateways. */
  function shipJournals(folder = stage.environment()['TOLLGATE_DATA']) {
    const child = spawn(process.execPath, [join(repository, 'apps/gateway/dist/ship-journals.js')], {
      env: { ...stage.environment(), TOLLGATE_DATA: folder, PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number, errors }));
    return { child, ended, output: () => output };
  }
});
