import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inTime } from './index.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('work that is waited for some time', () => {
  const after = async <T>(ms: number, end: () => T): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return end();
  };
  const fail = (): never => {
    throw new Error('failed');
  };

  it('is answered by what it comes to in that time, and leaves no timer', async () => {
    const answer = inTime(
      after(9, () => 'late'),
      10,
      fail,
    );
    await vi.advanceTimersByTimeAsync(9);
    expect(await answer).toBe('late');
    expect(vi.getTimerCount()).toBe(0);
  });
  it('fails as the work fails in that time', async () => {
    const answer = inTime(after(9, fail), 10, () => 'late');
    const failed = expect(answer).rejects.toThrow('failed');
    await vi.advanceTimersByTimeAsync(9);
    await failed;
  });
  it('is answered otherwise after that time, and a failure later on is told nobody', async () => {
    const answer = inTime(after(20, fail), 10, () => 'too late');
    await vi.advanceTimersByTimeAsync(10);
    expect(await answer).toBe('too late');
    await vi.advanceTimersByTimeAsync(10);
  });
  it('fails after that time where it is to', async () => {
    const failed = expect(inTime(new Promise(() => undefined), 10, fail)).rejects.toThrow('failed');
    await vi.advanceTimersByTimeAsync(10);
    await failed;
  });
});
