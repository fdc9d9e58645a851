import { describe, expect, it } from 'vitest';
import { isIdentified, type Exchange, type Identified } from './exchange/exchange.js';
import { StepList } from './step-list.js';

const exchange = { key: null } as unknown as Exchange;
const run = (list: StepList<Exchange>): void => {
  for (const step of list.steps) void step(exchange);
};

describe('a list of steps', () => {
  it('runs its steps in their order', () => {
    const seen: string[] = [];
    const list = StepList.begin()
      .then(() => void seen.push('first'))
      .then(() => void seen.push('second'));
    run(list);
    expect(seen).toEqual(['first', 'second']);
  });
  it('stops a request that goes on without what the next step needs', () => {
    const list = StepList.begin().reach(isIdentified, () => undefined);
    expect(() => run(list)).toThrow('isIdentified');
  });
  it('takes no step before those that fill in what it needs', () => {
    const needsKey = ({ key }: Identified) => void key.digest;
    // @ts-expect-error: nothing has identified the key yet.
    StepList.begin().then(needsKey);
    StepList.begin()
      .reach(isIdentified, () => undefined)
      .then(needsKey);
  });
});
