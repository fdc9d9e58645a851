import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { describe, expect, it } from 'vitest';
import { SecretChecks } from './secret-checks.js';

const SECRET = 'the-secret-of-the-test';

function stage() {
  const clock = { now: 0 };
  const lines: string[] = [];
  const logger = createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } });
  const registry = createMetricsRegistry('test', { processMetrics: false });
  const checks = new SecretChecks({ logger, registry, now: () => clock.now });
  let compared = 0;
  const show = (given: string | null, address = '10.0.0.1') =>
    checks.check(given, (text) => ((compared += 1), text === SECRET), address);
  return { checks, clock, lines, registry, show, compared: () => compared };
}

describe('guesses at a secret', () => {
  it('of one address are a few a second; beyond it none is compared, so that a right one looks like the others', () => {
    const { clock, show, compared } = stage();
    const outcomes = Array.from({ length: 200 }, (_, n) => show(`guess-${n}`));
    const wrong = outcomes.filter((each) => each === 'wrong').length;
    expect(wrong).toBeLessThanOrEqual(30);
    expect(outcomes.slice(wrong)).toEqual(Array.from({ length: 200 - wrong }, () => 'limited'));
    expect([show(SECRET), compared()]).toEqual(['limited', wrong]);
    clock.now = 1_000;
    const later = Array.from({ length: 100 }, () => show('guess')).filter((each) => each === 'wrong').length;
    expect(later).toBeGreaterThan(0);
    expect(later).toBeLessThanOrEqual(5);
  });

  it('of one address do not keep others from showing the right one', () => {
    const { show } = stage();
    for (let n = 0; n < 1_000; n++) show('guess');
    expect(show(SECRET, '10.0.0.2')).toBe('right');
  });

  it('do not lock out the service whose address they share, and are not told apart from uncompared ones', () => {
    const { show } = stage();
    expect(show(SECRET)).toBe('right');
    const outcomes = Array.from({ length: 200 }, () => show('guess'));
    expect(outcomes.at(-1)).toBe('limited');
    expect([show(SECRET), show('guess'), show(SECRET)]).toEqual(['right', 'limited', 'right']);
  });

  it('are not what a request without a secret is', () => {
    const { show, compared } = stage();
    expect(Array.from({ length: 100 }, () => show(null))).toEqual(Array.from({ length: 100 }, () => 'missing'));
    expect([compared(), show(SECRET)]).toEqual([0, 'right']);
  });

  it('leave a line with the address, sampled in a flood, and are counted; the guess itself is nowhere', async () => {
    const { lines, registry, show } = stage();
    show(SECRET, '10.0.0.9');
    show(null, '10.0.0.9');
    for (let n = 0; n < 5_000; n++) show('canary-guess');
    const text = await registry.metrics();
    const count = (outcome: string, secret = 'service') =>
      Number(new RegExp(`secret="${secret}",outcome="${outcome}",service="test"} (\\d+)`).exec(text)?.[1]);
    expect([count('right'), count('missing')]).toEqual([1, 1]);
    expect(count('wrong') + count('limited')).toBe(5_000);
    expect([count('wrong', 'admin'), count('right', 'admin')]).toEqual([0, 0]);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThan(100);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'warn',
      address: '10.0.0.1',
      message: 'a wrong service secret was shown',
    });
    expect(lines.join('')).not.toContain('canary-guess');
  });

  it('at the admin secret, which is compared elsewhere, are counted and logged here', async () => {
    const { checks, lines, registry } = stage();
    checks.note('admin', 'wrong', '10.0.0.1');
    checks.note('admin', 'right', '10.0.0.1');
    expect(await registry.metrics()).toContain('secret="admin",outcome="wrong",service="test"} 1');
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
      'a wrong admin secret was shown',
    ]);
  });
});
