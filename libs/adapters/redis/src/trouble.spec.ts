import type { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { connectRedis } from './connect.js';
import { tellSometimes, type RedisTrouble } from './trouble.js';

const refused = () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' });

const failures = (client: EventEmitter, count: number) =>
  new Promise<void>((resolve) => {
    let seen = 0;
    client.on('error', () => {
      seen += 1;
      if (seen === count) resolve();
    });
  });

describe('what is told of a Redis that is away', () => {
  it('is the first failure, and then one in 10 s', () => {
    const told: RedisTrouble[] = [];
    let now = 5;
    const failed = tellSometimes(
      (trouble) => told.push(trouble),
      () => now,
    );
    for (; now < 25_000; now += 500) failed(refused());
    expect(told).toEqual(Array(3).fill({ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:6379' }));
  });

  it('has words where the error has none', () => {
    const told: RedisTrouble[] = [];
    tellSometimes((trouble) => told.push(trouble))(new AggregateError([refused()]));
    expect(told).toEqual([{ code: null, message: 'no address of the server could be reached' }]);
  });

  it('is told once for all connections to the same server', async () => {
    const told: RedisTrouble[] = [];
    const first = connectRedis({
      // Nobody listens there.
      url: 'redis://127.0.0.1:1',
      name: 'away',
      onTrouble: (trouble) => told.push(trouble),
    });
    const second = first.duplicate();
    await Promise.all([first, second].map(({ client }) => failures(client, 2)));
    expect(told).toEqual([{ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' }]);
    await Promise.all([first.close(), second.close()]);
  });
});
