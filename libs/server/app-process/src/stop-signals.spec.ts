import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StopRequest } from './stop-request.js';
import { endOnSignals } from './stop-signals.js';

const hearing = (hasTerminal = false) => {
  const signals = new EventEmitter();
  const [lines, exits, stops]: [string[], number[], string[]] = [[], [], []];
  const [tell, exit] = [(line: string) => lines.push(line), (code: number) => exits.push(code)];
  const request = new StopRequest({ signals, exit, tell, hasTerminal });
  return { signals, lines, exits, stops, request, tell, exit };
};

const running = (hasTerminal = false) => {
  const process = hearing(hasTerminal);
  let finish: (error?: Error) => void = () => undefined;
  const stop = (signal: string) => {
    process.stops.push(signal);
    return new Promise<void>((resolve, reject) => {
      finish = (error) => (error === undefined ? resolve() : reject(error));
    });
  };
  endOnSignals({ stop, tell: process.tell, request: process.request, exit: process.exit });
  return { ...process, finish: (error?: Error) => finish(error) };
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a process that is asked to stop', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('stops in order at %s, and exits with 0 when it has', async (signal) => {
    const process = running();
    process.signals.emit(signal, signal);
    await vi.waitFor(() => expect(process).toMatchObject({ stops: [signal], exits: [] }), { timeout: 20_000 });
    process.finish();
    await vi.waitFor(() => expect(process.exits).toEqual([0]), { timeout: 20_000 });
  });

  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  it.each(signals.flatMap((first) => signals.map((second) => [first, second] as const)))(
    'goes on as before when %s is followed by %s, at once or after minutes',
    async (first, second) => {
      const process = running();
      process.signals.emit(first, first);
      process.signals.emit(second, second);
      vi.advanceTimersByTime(120_000);
      process.signals.emit(second, second);
      await vi.waitFor(() => expect(process.stops).toEqual([first]), { timeout: 20_000 });
      expect(process).toMatchObject({ stops: [first], exits: [], lines: [] });
      process.finish();
      await vi.waitFor(() => expect(process.exits).toEqual([0]), { timeout: 20_000 });
    },
  );

  it('takes a Ctrl-C that a terminal and npm both send for one', () => {
    const process = running(true);
    process.signals.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(900);
    process.signals.emit('SIGINT', 'SIGINT');
    process.signals.emit('SIGTERM', 'SIGTERM');
    expect(process.exits).toEqual([]);
  });

  it('waits no longer when a person presses Ctrl-C again, and for no other second signal', () => {
    const process = running(true);
    process.signals.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(1_100);
    process.signals.emit('SIGTERM', 'SIGTERM');
    expect(process.exits).toEqual([]);
    process.signals.emit('SIGINT', 'SIGINT');
    expect(process.exits).toEqual([1]);
    expect(process.lines).toEqual([expect.stringContaining('not waiting any longer')]);
  });

  it('ends at once as long as nothing was started', () => {
    const process = hearing();
    process.signals.emit('SIGTERM', 'SIGTERM');
    expect(process).toMatchObject({ exits: [0], lines: ['stopped (SIGTERM) before anything was started'] });
  });

  it('says why it could not, and exits with 1', async () => {
    const process = running();
    process.signals.emit('SIGTERM', 'SIGTERM');
    await vi.waitFor(() => expect(process.stops).toHaveLength(1), { timeout: 20_000 });
    process.finish(new Error('the disk is gone'));
    await vi.waitFor(() => expect(process.exits).toEqual([1]), { timeout: 20_000 });
    expect(process.lines).toEqual(['stopping failed: the disk is gone']);
  });
});
