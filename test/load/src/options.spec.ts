import { describe, expect, it } from 'vitest';
import { readOptions } from './options.js';
import { scenarios } from './scenarios.js';

describe('options', () => {
  it('are five rounds of 10 s of everything, unless told otherwise', () => {
    expect(readOptions([])).toMatchObject({ scenarios, rounds: 5, seconds: 10, quick: false, anyway: false, jsonFile: 'bench-result.json', profileFolder: null });
    expect(readOptions(['--quick'])).toMatchObject({ rounds: 2, seconds: 2 });
    expect(readOptions(['--quick', '--rounds', '1', '--scenario', 'chat-1k,chat-32k'])).toMatchObject({ rounds: 1, seconds: 2, scenarios: [{ name: 'chat-1k' }, { name: 'chat-32k' }] });
  });
  it('are refused where they mean nothing', () => {
    expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds must be a whole number from 1 to 100');
    expect(() => readOptions(['--seconds', 'ten'])).toThrow('--seconds');
    expect(() => readOptions(['--scenario', 'nope'])).toThrow('unknown scenario: nope');
    expect(() => readOptions(['--nope'])).toThrow('--nope');
  });
});
