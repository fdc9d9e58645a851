import { readFileSync } from 'node:fs';
import { loadConfig } from '@tollgate/config';
import { usageRecordedV2 } from '@tollgate/contracts';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DEMO_KEYS, MODELS } from './demo-keys.js';
import { DAY_MS, usageOfDay, type KnownKey } from './usage-of-day.js';

const known: KnownKey[] = DEMO_KEYS.map((key, at) => ({ ...key, id: `key-${at}`, organizationId: 'default' }));
/** A Wednesday and the Sunday after it. */
const [WEDNESDAY, SUNDAY] = [Date.UTC(2026, 10, 25), Date.UTC(2026, 10, 29)];

describe('the usage of a day', () => {
  it('is the same each time, so the ledger books it once', () => {
    for (const key of known) expect(usageOfDay(key, WEDNESDAY)).toEqual(usageOfDay(key, WEDNESDAY));
  });

  it('has request ids and journal numbers of its own, for each key and day', () => {
    const events = known.flatMap((key) => [...usageOfDay(key, WEDNESDAY), ...usageOfDay(key, SUNDAY)]);
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(events.length);
    const ofOne = [...usageOfDay(known[0]!, WEDNESDAY), ...usageOfDay(known[0]!, WEDNESDAY + DAY_MS)];
    expect(new Set(ofOne.map(({ journalNumber }) => journalNumber)).size).toBe(ofOne.length);
  });

  it('lies within the day, in the order of the calls, and each id was made when its call began', () => {
    for (const event of known.flatMap((key) => usageOfDay(key, WEDNESDAY))) {
      const startMs = Date.parse(event.startedAt);
      expect(startMs).toBeGreaterThanOrEqual(WEDNESDAY);
      expect(startMs).toBeLessThan(WEDNESDAY + DAY_MS);
      expect(Number.parseInt(event.requestId.replace('-', '').slice(0, 12), 16)).toBe(startMs);
    }
    const starts = usageOfDay(known[0]!, WEDNESDAY).map(({ startedAt }) => startedAt);
    expect(starts).toEqual([...starts].sort());
  });

  it('is made of events as gateways write them, whose lines add up to what is charged', () => {
    const events = known.flatMap((key) => usageOfDay(key, WEDNESDAY));
    expect(new Set(events.map(({ outcome }) => outcome))).toEqual(
      new Set(['completed', 'provider_failed', 'client_left']),
    );
    for (const written of events) {
      const event = usageRecordedV2.parse(JSON.parse(JSON.stringify(written)));
      const sum = event.priceLines.reduce((total, { nanoUsd }) => total + BigInt(nanoUsd), 0n);
      expect([event.costNanoUsd, event.chargeNanoUsd]).toEqual([sum.toString(), sum.toString()]);
      if (event.outcome === 'provider_failed') expect([sum, event.inputTokens]).toEqual([0n, 0]);
    }
  });

  it('is less on a day of the weekend where nobody works then', () => {
    const review = known.find(({ weekendShare }) => weekendShare === 0)!;
    expect(usageOfDay(review, SUNDAY)).toEqual([]);
    expect(usageOfDay(review, WEDNESDAY).length).toBeGreaterThan(20);
  });

  it('has the models and prices of the configuration of the demonstration', () => {
    const path = fileURLToPath(new URL('../../../deploy/docker/demo.yaml', import.meta.url));
    const { routes } = loadConfig(path, () => undefined);
    expect(routes.map(({ name }) => name)).toEqual(Object.keys(MODELS));
    const text = readFileSync(path, 'utf8');
    for (const { name, provider, inputMicroUsd, outputMicroUsd } of Object.values(MODELS))
      expect(text).toContain(
        `{provider: ${provider}, model: ${name}, input_usd_per_million: ${usd(inputMicroUsd)}, output_usd_per_million: ${usd(outputMicroUsd)}}`,
      );
  });
});

/** As the file writes it: two digits behind the point, or none. */
function usd(microUsd: bigint): string {
  const cents = microUsd / 10_000n;
  return cents % 100n === 0n ? String(cents / 100n) : `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`;
}
