import { describe, expect, it } from 'vitest';
import { readOptions } from './options.js';
import { scenarios } from './scenarios.js';

describe('options', () => {
  it('are five rounds of 10 s of everything, unless told otherwise', () => {
    expect(readOptions([])).toMatchObject({
      scenarios,
      rounds: 5,
      seconds: 10,
      quick: false,
      anyway: false,
      jsonFile: 'bench-result.json',
      profileFolder: null,
    });
    expect(readOptions([])).toMatchObject({ gatewayWarmUpSeconds: 80 });
    expect(readOptions(['--quick'])).toMatchObject({ rounds: 2, seconds: 2, gatewayWarmUpSeconds: 5 });
    expect(readOptions(['--warm-up', '20'])).toMatchObject({ gatewayWarmUpSeconds: 20, seconds: 10 });
    expect(readOptions(['--quick', '--rounds', '1', '--scenario', 'chat-1k,chat-32k'])).toMatchObject({
      rounds: 1,
      seconds: 2,
      scenarios: [{ name: 'chat-1k' }, { name: 'chat-32k' }],
    });
  });
  it('name a former build, which nothing is held against while it is profiled', () => {
    expect(readOptions(['--quick'])).toMatchObject({ against: null });
    const against = ['--against', '../former'];
    expect(readOptions([...against, '--seconds', '5'])).toMatchObject({ against: '../former', seconds: 5, rounds: 5 });
    expect(() => readOptions([...against, '--profile', 'here'])).toThrow('--against and --profile exclude each other');
  });
  it('are refused where they mean nothing', () => {
    expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds must be a whole number from 1 to 100');
    expect(() => readOptions(['--seconds', 'ten'])).toThrow('--seconds');
    expect(() => readOptions(['--warm-up', '0'])).toThrow('--warm-up must be a whole number from 1 to 600');
    expect(() => readOptions(['--scenario', 'nope'])).toThrow('unknown scenario: nope');
    expect(() => readOptions(['--nope'])).toThrow('--nope');
    expect(() => readOptions(['--against'])).toThrow('--against');
    expect(() => readOptions(['--against', ''])).toThrow('--against must name a folder');
  });
});
