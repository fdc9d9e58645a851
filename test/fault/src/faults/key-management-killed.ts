import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { queryDatabase } from '@tollgate/journey';
import { expect, it } from 'vitest';
import { expectInvariants } from '../invariants.js';
import { tellMeasured } from '../measured.js';
import { RefusalPoller } from '../refusal-poller.js';
import type { ServerStage } from '../server-stage.js';
import { chanceOf, rounds } from '../stage.js';

const boundMs = 5_000;

/** A change that ends a secret: how it is asked for, and how Postgres shows that it is committed. */
interface Ending {
  readonly ask: (id: string) => readonly [method: string, path: string, body?: object];
  readonly committed: string;
  /** What the same request is answered afterwards. */
  readonly again: number;
  readonly rotatedFirst?: true;
  /** What calls of the key are answered afterwards; 401 if it is left out. */
  readonly refusal?: 403;
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  'a revoke': {
    ask: (id) => ['DELETE', `/v1/api-keys/${id}`],
    committed: 'SELECT 1 FROM keys.api_key WHERE id = $1 AND deleted_at IS NOT NULL',
    again: 404,
  },
  'a disable': {
    ask: (id) => ['POST', `/v1/api-keys/${id}/disable`],
    committed: 'SELECT 1 FROM keys.api_key WHERE id = $1 AND disabled_at IS NOT NULL',
    again: 200,
  },
  'a change of scopes': {
    ask: (id) => ['PATCH', `/v1/api-keys/${id}`, { scopes: ['analytics:read'] }],
    committed: 'SELECT 1 FROM keys.api_key WHERE id = $1 AND version > 1',
    again: 200,
    refusal: 403,
  },
  'the end of a rotation': {
    ask: (id) => ['POST', `/v1/api-keys/${id}/finish-rotation`],
    committed: 'SELECT 1 FROM keys.api_key_secret WHERE api_key_id = $1 AND ended_at IS NOT NULL',
    again: 200,
    rotatedFirst: true,
  },
};

export function keyManagementKilled(stageOf: () => ServerStage): void {
  it('fault 14: key-management killed between the commit of a change or of an end and its relay: another process relays, and all refuse within 5 s', async () => {
    const { shape, redisOfKeyManagement } = stageOf();
    const chance = chanceOf('fault 14');
    const lateness: number[] = [];
    const aliveFor: number[] = [];
    for (const ending of rounds().flatMap(() => Object.values(ENDINGS))) {
      const key = await shape.client().createKey();
      const present = ending.rotatedFirst === true ? (await shape.client().rotateKey(key.id)).secret : null;
      const pollers = shape.gateways.map(
        (_, gateway) => new RefusalPoller(shape.client(gateway), key.secret, true, ending.refusal ?? 401),
      );
      await Promise.all(pollers.map((poller) => poller.seenAlive));
      redisOfKeyManagement.set(chance.between(0, 1) === 0 ? 'cut' : 'silent');
      const answer = shape
        .client()
        .admin(...ending.ask(key.id))
        .then(
          ({ status }) => status,
          () => null,
        );
      await waitUntil(async () => (await queryDatabase(shape.databaseUrl, ending.committed, [key.id])).length === 1, {
        what: 'the change to be committed',
        intervalMs: 2,
      });
      // The relay tries for 2 s before the revoke is answered 202.
      await delay(chance.between(0, 2_300));
      await shape.keyManagement.kill();
      const killedAt = performance.now();
      const answered = await answer;
      expect(
        answered === 202 || answered === null || answered >= 500,
        `a revoke that nobody was told of was answered ${answered}`,
      ).toBe(true);
      redisOfKeyManagement.set('open');
      await shape.keyManagement.startAgain();
      const startedAt = performance.now();
      for (const poller of pollers) {
        lateness.push(Math.max(0, (await poller.refusedAt) - startedAt));
        aliveFor.push(poller.seenAliveAt! - killedAt);
      }
      await waitUntil(async () => (await queryDatabase(shape.databaseUrl, 'SELECT 1 FROM keys.outbox')).length === 0, {
        what: 'all of the outbox to be relayed',
        timeoutMs: boundMs,
      });
      expect((await shape.client().admin(...ending.ask(key.id))).status).toBe(ending.again);
      if (present !== null) expect((await shape.client().chat(present)).status, 'the present secret').toBe(200);
    }
    expect(Math.max(...lateness), 'ms from the start of the other process to the refusal').toBeLessThan(boundMs);
    expect(Math.max(...aliveFor), 'ms after the kill in which the key still lived').toBeLessThan(boundMs);
    const figures = await expectInvariants(shape, []);
    tellMeasured('fault 14: key-management killed between commit and relay', {
      'last served after the kill': `${Math.round(Math.max(0, ...aliveFor))} ms`,
      'refused after the start of another process': `${Math.round(Math.max(...lateness))} ms`,
      ...figures,
    });
  });
}
