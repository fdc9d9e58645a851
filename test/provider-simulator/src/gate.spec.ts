import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callChat, control, readEvents } from './chat-call.js';
import { startProviderSimulator, type ProviderSimulator } from './server.js';

let simulator: ProviderSimulator;
beforeAll(async () => {
  simulator = await startProviderSimulator();
});
beforeEach(async () => {
  simulator.reset();
  await control(simulator, 'DELETE', 'log');
});
afterAll(() => simulator.stop());

const waiting = async () => ((await control(simulator, 'GET', 'state')).json['gate'] as { waiting: number }).waiting;

describe('the closed gate', () => {
  it('holds every chat request back after logging it, and answers all when it opens', async () => {
    expect((await control(simulator, 'POST', 'gate/close')).json['gate']).toEqual({ closed: true, waiting: 0 });
    const calls = Array.from({ length: 200 }, (_, i) => callChat(simulator, { stream: i % 2 === 1 }));
    await expect.poll(waiting, { timeout: 20_000 }).toBe(200);
    expect(simulator.log().map(({ outcome, status }) => ({ outcome, status }))).toEqual(
      Array(200).fill({ outcome: 'pending', status: null }),
    );
    expect((await control(simulator, 'POST', 'gate/open')).json['gate']).toEqual({ closed: false, waiting: 0 });
    const answers = await Promise.all(calls);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    await Promise.all(answers.map((answer) => answer.text()));
    expect(simulator.log().every(({ outcome }) => outcome === 'answered')).toBe(true);
    expect((await callChat(simulator)).status).toBe(200);
  });

  it('lets the list of models through', async () => {
    simulator.closeGate();
    expect((await fetch(`${simulator.baseUrl}/models`)).status).toBe(200);
  });

  it('forgets a client that left', async () => {
    simulator.closeGate();
    const leaving = new AbortController();
    const call = callChat(simulator, {}, { signal: leaving.signal });
    await expect.poll(waiting).toBe(1);
    leaving.abort();
    await expect(call).rejects.toThrow();
    await expect.poll(waiting).toBe(0);
    expect(simulator.log().at(-1)?.outcome).toBe('client_left');
  });

  it('opens on reset, and the behaviour chosen at the arrival still holds', async () => {
    simulator.setBehaviour({ chunks: 2 });
    simulator.closeGate();
    const call = callChat(simulator, { stream: true });
    await expect.poll(waiting).toBe(1);
    await control(simulator, 'POST', 'reset');
    expect(await readEvents(await call)).toHaveLength(1 + 2 + 1 + 1);
  });
});
