import { describe, expect, it } from 'vitest';
import { FAILURE_LIMITS_DEFAULT, FailureLimits } from './failure-limits.js';

const MINUTE = 60_000;

function stage(settings: Partial<typeof FAILURE_LIMITS_DEFAULT> = {}) {
  const clock = { now: 0 };
  const waits: (() => void)[] = [];
  const limits = new FailureLimits({
    ...FAILURE_LIMITS_DEFAULT,
    ...settings,
    now: () => clock.now,
    wait: () => new Promise<void>((resolve) => waits.push(resolve)),
  });
  const verdicts = (account: string, address: string, times: number) =>
    Array.from({ length: times }, () => limits.begin(account, address).verdict);
  return { clock, waits, limits, verdicts };
}
const count = (all: readonly string[], one: string) => all.filter((each) => each === one).length;

describe('the limits of failures', () => {
  it('let an account fail ten times a minute from one address, and others from there as before', () => {
    const { clock, verdicts } = stage();
    expect(count(verdicts('owner', '192.0.2.1', 30), 'open')).toBe(10);
    expect(verdicts('owner', '192.0.2.1', 1)).toEqual(['limited']);
    expect(verdicts('owner', '192.0.2.2', 1)).toEqual(['open']);
    expect(verdicts('another', '192.0.2.1', 1)).toEqual(['open']);
    clock.now += MINUTE;
    expect(count(verdicts('owner', '192.0.2.1', 30), 'open')).toBe(10);
  });

  it.each([
    ['the addresses of one /64', '2001:db8:0:1::1', '2001:db8:0:1:ffff::2', 'limited'],
    ['an IPv4 address in both forms', '192.0.2.1', '::ffff:192.0.2.1', 'limited'],
    ['another /64', '2001:db8:0:1::1', '2001:db8:0:2::1', 'open'],
  ])('count %s', (_, one, other, verdict) => {
    const { verdicts } = stage();
    verdicts('owner', one, 10);
    expect(verdicts('owner', other, 1)).toEqual([verdict]);
  });

  it('count what is under way as failed, until it is known', () => {
    const { limits } = stage();
    const attempts = Array.from({ length: 12 }, () => limits.begin('owner', '192.0.2.1'));
    expect(attempts.map(({ verdict }) => verdict).filter((each) => each === 'limited')).toHaveLength(2);
    attempts[0]!.abandoned();
    expect(limits.begin('owner', '192.0.2.1').verdict).toBe('open');
    expect(limits.begin('owner', '192.0.2.1').verdict).toBe('limited');
  });

  it('let one address fail three hundred times a minute, however many accounts it tries', () => {
    const { limits } = stage();
    const all = Array.from({ length: 400 }, (_, at) => limits.begin(`account ${at}`, '192.0.2.1').verdict);
    expect(count(all, 'open')).toBe(300);
    expect(limits.refusesAddress('192.0.2.1')).toBe(true);
    expect(limits.refusesAddress('192.0.2.2')).toBe(false);
  });

  it('slow an account that failed from everywhere, and lock nobody out of it', async () => {
    const { limits, waits } = stage();
    for (let at = 0; at < 100; at++) limits.begin('owner', `198.51.100.${at}`);
    const slowed = limits.begin('owner', '192.0.2.1');
    expect(slowed.verdict).toBe('slowed');
    const turn = slowed.turn();
    await Promise.resolve();
    expect(waits).toHaveLength(1);
    waits[0]!();
    expect(await turn).toBe(true);
    slowed.succeeded();
    // From there the right secret came: it is not even slowed again.
    expect(limits.begin('owner', '192.0.2.1').verdict).toBe('open');
  });

  it('refuse nobody at the address from which the right secret came, whatever others there do', () => {
    const { limits, verdicts } = stage();
    limits.begin('owner', '192.0.2.1').succeeded();
    const others = verdicts('owner', '192.0.2.1', 1_000);
    expect(count(others, 'limited')).toBe(0);
    expect(count(others, 'slowed')).toBe(990);
    expect(limits.begin('owner', '192.0.2.1').proven).toBe(true);
  });

  it('let few wait for a slow turn, one after another', async () => {
    const { limits, waits } = stage({ accountFailuresPerHour: 1 });
    limits.begin('owner', '198.51.100.1');
    const turns = Array.from({ length: 25 }, (_, at) => limits.begin('owner', `192.0.2.${at}`).turn());
    expect(await Promise.all(turns.slice(20))).toEqual([false, false, false, false, false]);
    expect(waits).toHaveLength(1);
    for (let at = 0; at < 20; at++) {
      waits[at]!();
      expect(await turns[at]).toBe(true);
    }
    expect(waits).toHaveLength(20);
  });
});
