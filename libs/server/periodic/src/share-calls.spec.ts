import { describe, expect, it } from 'vitest';
import { shareCalls } from './index.js';

describe('calls that are shared', () => {
  it('are one while it is under way, for each key, and begin anew after it', async () => {
    const asked: string[] = [];
    const answers: ((value: string) => void)[] = [];
    const ask = shareCalls(
      (key: string) =>
        new Promise<string>((resolve) => {
          asked.push(key);
          answers.push(resolve);
        }),
    );
    const [first, same, other] = [ask('a'), ask('a'), ask('b')];
    expect(asked).toEqual(['a', 'b']);
    answers[0]!('1');
    answers[1]!('2');
    expect(await Promise.all([first, same, other])).toEqual(['1', '1', '2']);
    const next = ask('a');
    expect(asked).toEqual(['a', 'b', 'a']);
    answers[2]!('3');
    expect(await next).toBe('3');
  });

  it('fail together, and the next one tries again', async () => {
    let calls = 0;
    const fail = shareCalls(() => Promise.reject(new Error(String(++calls))));
    const outcomes = await Promise.allSettled([fail(), fail()]);
    expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason)).toEqual([
      new Error('1'),
      new Error('1'),
    ]);
    await expect(fail()).rejects.toThrow('2');
  });
});
