import { infraFromEnvironment } from '@tollgate/infra';
import { startProviderSimulator, type ProviderSimulator } from '@tollgate/provider-simulator';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { queryDatabase } from './kit/database.js';
import { startOutside, type Outside } from './kit/outside.js';
import { usageOf } from './kit/provider-log.js';
import { writeConfig, type ConfiguredProvider } from './kit/provider-config.js';
import { eventsOf } from './kit/sse.js';
import { startStandalone, type StandaloneShape } from './kit/standalone.js';

/** Who answers in the one-process shape: the provider, a simulator that says so, or nobody. */
describe('who answers', () => {
  let outside: Outside;
  /** A real provider, as far as Tollgate can know. */
  let real: ProviderSimulator;
  let running: StandaloneShape | null = null;
  beforeAll(async () => {
    [outside, real] = await Promise.all([startOutside(), startProviderSimulator()]);
  });
  afterEach(async () => {
    await running?.stop();
    running = null;
  });
  afterAll(() => Promise.all([outside?.stop(), real?.stop()]));

  const at = (name: string, variable?: string): ConfiguredProvider => ({
    name,
    baseUrl: real.baseUrl,
    ...(variable !== undefined && { variable }),
  });
  const start = async (
    providers: readonly ConfiguredProvider[],
    environment: Readonly<Record<string, string>> = {},
    dataFolder?: string,
  ) => {
    await running?.stop();
    running = await startStandalone({
      outside: { ...outside, environment: { TOLLGATE_CONFIG: writeConfig(providers) } },
      environment,
      ...(dataFolder !== undefined && { dataFolder }),
      adminSecret: 'admin-secret-of-the-test',
    });
    return running;
  };
  const seen = () => real.log().length;
  const isSimulated = (text: string) => (JSON.parse(text) as { provider?: string }).provider === 'tollgate-simulator';

  it('is the simulator where nothing real is configured: it names itself in each reply and usage event, and no provider is called', async () => {
    const url = await infraFromEnvironment().createDatabase();
    const [shape, before] = [await start([at('a', 'A_KEY'), at('b', 'B_KEY')], { DATABASE_URL: url }), seen()];
    expect(shape.process.output()).toMatch(/^A simulator answers in the place of a, b:/m);
    const key = await shape.client().createKey({ credit_limit_usd: 1 });
    const plain = await shape.client().chat(key.secret, { model: 'a' });
    expect(plain.status).toBe(200);
    expect(isSimulated(plain.text)).toBe(true);
    const { text } = await (
      await shape.client().openChat(key.secret, { model: 'b', stream_options: { include_usage: true } })
    ).ended;
    const chunks = eventsOf(text)
      .map(({ data }) => data)
      .filter((data) => data !== '[DONE]');
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.every(isSimulated), 'every chunk of a stream').toBe(true);
    const refused = await shape.client().chat(key.secret, { model: 'a', simulator: { fail_status: 422 } });
    expect(refused.status).toBe(422);
    expect(isSimulated(refused.text), 'an error too').toBe(true);
    await usageOf(shape, key.id, 3);
    expect(await queryDatabase(url, 'SELECT DISTINCT provider FROM billing.usage_event')).toEqual([
      { provider: 'tollgate-simulator' },
    ]);
    expect(seen()).toBe(before);
  });

  it('is the simulator with TOLLGATE_SIMULATOR=on also where all is configured, and never with off', async () => {
    const before = seen();
    const on = await start([at('a', 'A_KEY'), at('keyless')], { A_KEY: 'set', TOLLGATE_SIMULATOR: 'on' });
    expect(on.process.output()).toContain('A simulator answers in the place of a, keyless:');
    const key = await on.client().createKey();
    for (const model of ['a', 'keyless'])
      expect(isSimulated((await on.client().chat(key.secret, { model })).text)).toBe(true);
    expect(seen()).toBe(before);

    const off = await start([at('a', 'A_KEY')], { TOLLGATE_SIMULATOR: 'off' });
    expect(off.process.output()).not.toContain('A simulator answers');
    expect(off.process.output()).toContain('provider a has no credential: A_KEY is not set');
    const other = await off.client().createKey();
    expect(await off.client().chat(other.secret, { model: 'a' })).toMatchObject({
      status: 503,
      code: 'provider_not_configured',
    });
  });

  it('is nobody for a provider without a credential beside one that has it: said by name, 503, free, and passed over where another target is', async () => {
    const shape = await start([at('b', 'B_KEY'), at('a', 'A_KEY')], { A_KEY: 'set', LOG_LEVEL: 'warn' });
    const before = seen();
    expect(
      shape.process.output().match(/^\{.*provider b has no credential: B_KEY is not set.*$/gm),
      'one log line',
    ).toHaveLength(1);
    expect(shape.process.output()).not.toContain('A_KEY');
    const key = await shape.client().createKey({ credit_limit_usd: 1 });
    for (const stream of [false, true]) {
      expect(await shape.client().chat(key.secret, { model: 'b', stream })).toMatchObject({
        status: 503,
        code: 'provider_not_configured',
      });
    }
    expect(seen(), 'nobody was called').toBe(before);
    expect((await shape.client().chat(key.secret, { model: 'any' })).status).toBe(200);
    expect((await shape.client().chat(key.secret, { model: 'a' })).status).toBe(200);
    expect((await usageOf(shape, key.id, 2)).requests, 'refused requests have no usage').toBe(2);
    expect(seen()).toBe(before + 2);
  });

  it('is nobody where keys were used with a real provider and its credential is gone, however it was left, with on too', async () => {
    const [a, withKey] = [[at('a', 'A_KEY')], { A_KEY: 'set' }];
    const first = await start(a, withKey);
    const { dataFolder } = first;
    const key = await first.client().createKey({ credit_limit_usd: 1 });
    expect((await first.client().chat(key.secret, { model: 'a' })).status).toBe(200);
    // At once: what is not booked yet stands in the journal alone.
    await first.process.kill();

    for (const environment of [{}, { TOLLGATE_SIMULATOR: 'on' }] as Readonly<Record<string, string>>[]) {
      const left = await start(a, environment, dataFolder);
      expect(left.process.output()).not.toContain('A simulator answers');
      expect(left.process.output()).toContain('used with a real provider');
      if (!('TOLLGATE_SIMULATOR' in environment)) expect(left.process.output()).toMatch(/^\{.*A_KEY is not set.*$/m);
      expect(await left.client().chat(key.secret, { model: 'a' })).toMatchObject({
        status: 503,
        code: 'provider_not_configured',
      });
      expect((await left.client().usage(key.id)).requests).toBe(1);
    }
    const again = await start(a, withKey, dataFolder);
    expect((await again.client().chat(key.secret, { model: 'a' })).status).toBe(200);
  });

  it('stays the simulator when a provider without a credential is added, whether it needs one or not', async () => {
    const { dataFolder, ...first } = await start([at('a', 'A_KEY')]);
    const key = await first.client().createKey();
    for (const added of [at('b', 'B_KEY'), at('b')]) {
      const shape = await start([at('a', 'A_KEY'), added], {}, dataFolder);
      expect(isSimulated((await shape.client().chat(key.secret, { model: 'a' })).text)).toBe(true);
    }
  });
});
