import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endOnSignals } from './stop-signals.js';

const running = () => {
  const signals = new EventEmitter();
  const [lines, exits, stops]: [string[], number[], string[]] = [[], [], []];
  let finish: (error?: Error) => void = () => undefined;
  const stop = (signal: string) => {
    stops.push(signal);
    return new Promise<void>((resolve, reject) => {
      finish = (error) => (error === undefined ? resolve() : reject(error));
    });
  };
  endOnSignals({ stop, tell: (line) => lines.push(line), signals, exit: (code) => exits.push(code) });
  return { signals, lines, exits, stops, finish: (error?: Error) => finish(error) };
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a process that is asked to stop', () => {
  it.each(['SIGTERM', 'SIGINT'])('stops in order at %s, and exits with 0 when it has', async (signal) => {
    const process = running();
    process.signals.emit(signal, signal);
    expect(process).toMatchObject({ stops: [signal], exits: [] });
    process.finish();
    await vi.waitFor(() => expect(process.exits).toEqual([0]));
  });

  it('takes a signal that comes twice at once, from a terminal and from npm, for one', () => {
    const process = running();
    process.signals.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(900);
    process.signals.emit('SIGINT', 'SIGINT');
    process.signals.emit('SIGTERM', 'SIGTERM');
    expect(process).toMatchObject({ stops: ['SIGINT'], exits: [] });
  });

  it('waits no longer when it is asked again', () => {
    const process = running();
    process.signals.emit('SIGINT', 'SIGINT');
    vi.advanceTimersByTime(1_100);
    process.signals.emit('SIGINT', 'SIGINT');
    expect(process.stops).toEqual(['SIGINT']);
    expect(process.exits).toEqual([1]);
    expect(process.lines).toEqual([expect.stringContaining('not waiting any longer')]);
  });

  it('says why it could not, and exits with 1', async () => {
    const process = running();
    process.signals.emit('SIGTERM', 'SIGTERM');
    process.finish(new Error('the disk is gone'));
    await vi.waitFor(() => expect(process.exits).toEqual([1]));
    expect(process.lines).toEqual(['stopping failed: the disk is gone']);
  });
});
