import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import { createLogger } from '@tollgate/telemetry';
import { describe, expect, it, vi } from 'vitest';
import { ShippedLimits } from './shipped-limits.js';

const KEY = { apiKeyId: 'k', organizationId: 'o', digests: [], state: 'active', version: 4, creditGeneration: 4 };
const ORGANIZATION = { organizationId: 'o', state: 'active', version: 7, capNanoUsd: '5', capGeneration: 7 };

/** What a gateway has confirmed after a change. */
async function confirmed(
  tell: (limits: ShippedLimits) => void | Promise<void>,
  flush = () => Promise.resolve(),
): Promise<string[]> {
  const told: string[] = [];
  const admission = {
    confirmShipped: (...facts: unknown[]) => {
      told.push(facts.join(' '));
      return Promise.resolve();
    },
  };
  const logger = createLogger({ service: 'test', level: 'silent' });
  await tell(new ShippedLimits(admission, { flush }, 'j', logger));
  await new Promise((resolve) => setImmediate(resolve));
  return told;
}
const changed = (fields: object) =>
  confirmed((limits) => limits.changed({ ...KEY, ...fields } as unknown as KeySnapshot));
const organizationChanged = (fields: object) =>
  confirmed((limits) => limits.organizationChanged({ ...ORGANIZATION, ...fields } as unknown as OrganizationSnapshot));

describe('a limit that a gateway hears of', () => {
  it.each<[string, object, string[]]>([
    ['is confirmed where this version of the key set it', {}, ['o key:k 4 j']],
    ['is confirmed for a key in cycles, too', { creditReset: 'daily' }, ['o key:k 4 j']],
    ['is confirmed where a later change came instead of the one that set it', { version: 6 }, ['o key:k 4 j']],
    ['is not confirmed for a key that was made with it', { version: 1, creditGeneration: 0 }, []],
    ['is not confirmed for a key of the release before', { creditGeneration: undefined }, []],
    ['is not confirmed for a key that has ended', { state: 'revoked' }, []],
  ])('%s', async (_what, fields, told) => expect(await changed(fields)).toEqual(told));

  it.each<[string, object, string[]]>([
    ['is confirmed where this version of the organisation set it', {}, ['o organization:o 7 j']],
    ['is confirmed where a later change came instead', { version: 9 }, ['o organization:o 7 j']],
    ['is not confirmed where it was made with the organisation', { capGeneration: 0 }, []],
    [
      'is confirmed for each budget of a group or a project, whatever its cycle',
      {
        capGeneration: 0,
        budgets: [
          { kind: 'group', ownerId: 'g', capNanoUsd: '5', reset: 'weekly', generation: 3 },
          { kind: 'project', ownerId: 'p', capNanoUsd: '5', reset: 'never', generation: 4 },
        ],
      },
      ['o group:g 3 j', 'o project:p 4 j'],
    ],
    ['is not confirmed for an organisation of the release before', { capGeneration: undefined }, []],
  ])('%s', async (_what, fields, told) => expect(await organizationChanged(fields)).toEqual(told));

  it('is confirmed once, and again when that failed', async () => {
    const twice = (limits: ShippedLimits) => {
      limits.changed(KEY as unknown as KeySnapshot);
      limits.changed({ ...KEY, version: 5 } as unknown as KeySnapshot);
      limits.changed({ ...KEY, version: 6, creditGeneration: 6 } as unknown as KeySnapshot);
    };
    expect(await confirmed(twice)).toEqual(['o key:k 4 j', 'o key:k 6 j']);
    const away = vi.fn(() => Promise.resolve()).mockRejectedValueOnce(new Error('away'));
    const again = async (limits: ShippedLimits) => {
      limits.changed(KEY as unknown as KeySnapshot);
      await Promise.resolve();
      await new Promise((resolve) => process.nextTick(resolve));
      limits.changed({ ...KEY, version: 5 } as unknown as KeySnapshot);
    };
    expect(await confirmed(again, away)).toEqual(['o key:k 4 j']);
  });

  it('is confirmed only once what the journal has is on the bus', async () => {
    const tell = (limits: ShippedLimits) => limits.changed(KEY as unknown as KeySnapshot);
    expect(await confirmed(tell, () => new Promise(() => undefined))).toEqual([]);
    expect(await confirmed(tell, () => Promise.reject(new Error('away')))).toEqual([]);
  });
});
