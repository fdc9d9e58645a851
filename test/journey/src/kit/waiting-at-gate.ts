import type { Shape } from './shape.js';

/** Calls that the provider holds back at its closed gate. */
export async function waitingAtGate(shape: Pick<Shape, 'simulator'>): Promise<number> {
  const reply = await fetch(`${shape.simulator.url}/simulator/state`);
  return ((await reply.json()) as { gate: { waiting: number } }).gate.waiting;
}
