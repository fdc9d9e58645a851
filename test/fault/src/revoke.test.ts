import { startDistributed, type CreatedKey, type DistributedShape, type TollgateClient } from '@tollgate/journey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { percentile, spread, tellMeasured } from './measured.js';

const revokes = 200;

describe('a revoke', () => {
  let shape: DistributedShape;
  beforeAll(async () => { shape = await startDistributed(); });
  afterAll(() => shape?.stop());

  it(`is refused at both gateways within 100 ms of its 200, at the 99th percentile of ${revokes}`, async () => {
    const clients = shape.gateways.map((_, gateway) => shape.client(gateway));
    const keys: CreatedKey[] = [];
    const latenesses: number[] = [];
    for (let number = 0; number < revokes; number++) {
      const key = await shape.client().createKey();
      keys.push(key);
      const pollers = clients.map((client) => new Poller(client, key.secret));
      await Promise.all(pollers.map((poller) => poller.seenAlive));
      await clients[number % clients.length]!.deleteKey(key.id);
      const answeredAt = performance.now();
      for (const poller of pollers) latenesses.push(Math.max(0, (await poller.refusedAt) - answeredAt));
    }
    tellMeasured(`revoke answered 200 → refused, ${latenesses.length} looks at ${clients.length} gateways`, spread(latenesses));
    expect(percentile(latenesses, 0.99), 'p99 in ms').toBeLessThan(100);

    const logged = shape.simulator.log().length;
    const statuses = await Promise.all(keys.flatMap((key) => clients.map(async (client) => (await client.chat(key.secret)).status)));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(shape.simulator.log(), 'calls that reached the provider').toHaveLength(logged);
  });
});

/**
 * Asks one gateway without a pause between, until it refuses the key. It asks for a model that nobody serves, which a
 * living key learns as 404 after its key was checked and before any provider is called: about a millisecond each.
 */
class Poller {
  readonly seenAlive: Promise<void>;
  /** When the first refusal had arrived. */
  readonly refusedAt: Promise<number>;

  constructor(client: TollgateClient, secret: string) {
    let alive: () => void = () => undefined;
    const seen = new Promise<void>((resolve) => { alive = resolve; });
    this.refusedAt = pollUntilRefused(client, secret, alive);
    this.seenAlive = Promise.race([seen, this.refusedAt.then(() => { throw new Error('a key was refused before its revoke'); })]);
  }
}

async function pollUntilRefused(client: TollgateClient, secret: string, alive: () => void): Promise<number> {
  for (;;) {
    const { status, text } = await client.chat(secret, { model: 'no-such-model' });
    if (status === 401) return performance.now();
    if (status !== 404) throw new Error(`a living key was answered ${status}: ${text}`);
    alive();
  }
}
