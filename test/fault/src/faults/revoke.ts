import type { CreatedKey } from '@tollgate/journey';
import { expect, it } from 'vitest';
import { spread, tellMeasured } from '../measured.js';
import { RefusalPoller } from '../refusal-poller.js';
import { faultOptions } from '../run-options.js';
import type { ShapeOf } from '../stage.js';

const revokes = faultOptions.long ? 200 : 50;

export function revokeBound(shapeOf: ShapeOf): void {
  // How soon is told, and no test of a shared machine can decide it: 100 ms at the 99th percentile is promised.
  it(`without a fault: each of ${revokes} keys is refused at every gateway after its revoke, and stays so`, async () => {
    const shape = shapeOf();
    const clients = shape.gateways.map((_, gateway) => shape.client(gateway));
    const loggedBefore = shape.simulator.log().length;
    const keys: CreatedKey[] = [];
    const latenesses: number[] = [];
    for (let number = 0; number < revokes; number++) {
      const key = await shape.client().createKey();
      keys.push(key);
      const pollers = clients.map((client) => new RefusalPoller(client, key.secret));
      await Promise.all(pollers.map((poller) => poller.seenAlive));
      await clients[number % clients.length]!.deleteKey(key.id);
      const answeredAt = performance.now();
      for (const poller of pollers) latenesses.push(Math.max(0, (await poller.refusedAt) - answeredAt));
    }
    tellMeasured(
      `revoke answered 200 → refused, ${latenesses.length} looks at ${clients.length} gateways`,
      spread(latenesses),
    );
    const statuses = await Promise.all(
      keys.flatMap((key) => clients.map(async (client) => (await client.chat(key.secret)).status)),
    );
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(shape.simulator.log(), 'calls that reached the provider').toHaveLength(loggedBefore);
  });
}
