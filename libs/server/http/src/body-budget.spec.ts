import { describe, expect, it } from 'vitest';
import { BodyBudget, SMALL_BODY_BYTES, type BodyRoom } from './body-budget.js';

const LARGE = SMALL_BODY_BYTES + 1;

describe('a budget for bodies', () => {
  it('gives room up to its size, and again what is given back', () => {
    const budget = new BodyBudget(50_000);
    const [first, second] = [budget.open(), budget.open()];
    expect([first.grow(30_000), second.grow(20_001), second.grow(20_000), budget.bytes]).toEqual([
      null,
      budget,
      null,
      50_000,
    ]);
    first.free();
    first.free();
    expect([first.grow(10_000), second.grow(45_000), budget.bytes]).toEqual([null, null, 45_000]);
  });
  it('has room for a tiny body whatever others take', () => {
    const budget = new BodyBudget(50_000);
    budget.open().grow(50_000);
    const tiny = budget.open();
    expect([tiny.grow(4_096), budget.bytes, tiny.grow(4_097)]).toEqual([null, 50_000, budget]);
  });
  it('keeps a quarter for small bodies, however large it is', () => {
    const budget = new BodyBudget(8 * LARGE);
    for (let body = 0; body < 6; body++) expect(budget.open().grow(LARGE)).toBeNull();
    expect(budget.open().grow(LARGE)).toBe(budget);
    expect(budget.open().grow(SMALL_BODY_BYTES)).toBeNull();
    const growing = budget.open();
    expect([growing.grow(SMALL_BODY_BYTES), growing.grow(LARGE)]).toEqual([null, budget]);
  });
  it('says which part has no room, and takes nothing of the others then', () => {
    const [budget, part] = [new BodyBudget(60_000), new BodyBudget(10_000)];
    expect([budget.open(part).grow(11_000), budget.bytes, part.bytes]).toEqual([part, 0, 0]);
    expect([budget.open().grow(55_000), budget.open(part).grow(6_000), part.bytes]).toEqual([null, budget, 0]);
  });
  it('is never passed, and is empty when all bodies have ended, whatever comes in whatever order', () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let state = seed;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    const budget = new BodyBudget(10 * SMALL_BODY_BYTES);
    const parts = [new BodyBudget(4 * SMALL_BODY_BYTES, 4 * SMALL_BODY_BYTES), new BodyBudget(7 * SMALL_BODY_BYTES)];
    const open: { room: BodyRoom; part: number; bytes: number }[] = [];
    for (let step = 0; step < 5_000; step++) {
      const part = random(2);
      if (random(3) === 0 || open.length === 0) open.push({ room: budget.open(parts[part]!), part, bytes: 0 });
      const at = random(open.length);
      const body = open[at]!;
      const bytes = 5_000 + random(3 * SMALL_BODY_BYTES);
      if (random(4) === 0) open.splice(at, 1)[0]!.room.free();
      else if (body.room.grow(bytes) === null) body.bytes = Math.max(body.bytes, bytes);
      const sum = (of: typeof open) => of.reduce((all, each) => all + each.bytes, 0);
      expect([budget.bytes, ...parts.map((each) => each.bytes)], `seed ${seed}`).toEqual([
        sum(open),
        sum(open.filter((each) => each.part === 0)),
        sum(open.filter((each) => each.part === 1)),
      ]);
      expect(budget.bytes).toBeLessThanOrEqual(budget.bytesMax);
      expect(parts[0]!.bytes).toBeLessThanOrEqual(parts[0]!.bytesMax);
    }
    for (const { room } of open) room.free();
    expect([budget.bytes, ...parts.map(({ bytes }) => bytes)]).toEqual([0, 0, 0]);
  });
});
