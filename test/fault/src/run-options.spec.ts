import { describe, expect, it } from 'vitest';
import { readOptions } from './run-options.js';

describe('the options of the fault suite', () => {
  it('are one short round with a seed of its own where nothing is said', () => {
    expect(readOptions({})).toEqual({ seed: expect.any(Number), rounds: 1, long: false });
  });

  it('are read from the environment', () => {
    expect(readOptions({ TOLLGATE_FAULT_SEED: '42', TOLLGATE_FAULT_ROUNDS: '3', TOLLGATE_FAULT_LONG: 'true' })).toEqual(
      { seed: 42, rounds: 3, long: true },
    );
  });

  it('are refused by name where they make no sense', () => {
    expect(() => readOptions({ TOLLGATE_FAULT_SEED: 'abc' })).toThrow('TOLLGATE_FAULT_SEED');
    expect(() => readOptions({ TOLLGATE_FAULT_ROUNDS: '0' })).toThrow('TOLLGATE_FAULT_ROUNDS');
  });
});
