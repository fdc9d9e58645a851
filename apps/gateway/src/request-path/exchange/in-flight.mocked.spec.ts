import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { OPENAI_ERRORS } from '../../dialects/openai/errors.js';
import { Exchange } from './exchange.js';
import { InFlight } from './in-flight.js';

afterEach(() => vi.useRealTimers());

/** A request whose client has left, and that holds credit of the key. */
function leftCall(inFlight: InFlight): Exchange {
  const exchange = new Exchange({ socket: {} } as IncomingMessage, {} as ServerResponse, OPENAI_ERRORS);
  exchange.key = { snapshot: { apiKeyId: 'k' } } as Exchange['key'];
  exchange.clientLeft = true;
  exchange.holdNanoUsd = 1n;
  exchange.providerCall = {
    abort: vi.fn(),
    clientLeft: () => undefined,
    deliveredTokens: () => 0,
    usedSoFar: () => null,
    keepAlive: () => undefined,
  };
  inFlight.add(exchange);
  return exchange;
}

describe('calls whose clients have left', () => {
  it('are ended for every call that waits for their holds', async () => {
    const inFlight = new InFlight();
    const left = leftCall(inFlight);
    const waiting = [inFlight.endLeft('k'), inFlight.endLeft('k'), inFlight.endLeft('k')];
    expect(left.providerCall!.abort).toHaveBeenCalledWith('client_left');
    left.settled = true;
    for (const tell of left.onSettled ?? []) tell();
    expect(await Promise.all(waiting)).toEqual([true, true, true]);
  });
  it('hold nobody up who waits for one that does not end', async () => {
    vi.useFakeTimers();
    const inFlight = new InFlight();
    leftCall(inFlight);
    const waiting = inFlight.endLeft('k');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await waiting).toBe(true);
  });
  it('of another key stay as they are', async () => {
    const inFlight = new InFlight();
    const left = leftCall(inFlight);
    expect(await inFlight.endLeft('another')).toBe(false);
    expect(left.providerCall!.abort).not.toHaveBeenCalled();
  });
});
