import { tellOutputs, type DistributedShape } from '@tollgate/journey';
import { afterEach, beforeAll } from 'vitest';
import { Chance } from './chance.js';
import { faultOptions } from './run-options.js';

/** The shape that several faults happen to, one after the other; there once the hook before them has run. */
export type ShapeOf<Shape = DistributedShape> = () => Shape;

/** The random points of one fault. */
export function chanceOf(fault: string): Chance {
  return new Chance(faultOptions.seed, fault);
}

/** The numbers of the rounds that each fault runs. */
export function rounds(): number[] {
  return Array.from({ length: faultOptions.rounds }, (_, round) => round);
}

/** How long an outage lasts: as long as promised in the first round of a long run, else a few seconds. */
export function outageMs(round: number, shortMs: number, promisedMs: number): number {
  return faultOptions.long && round === 0 ? promisedMs : shortMs;
}

/**
 * Tells the seed at the start, and after a failed fault with the last words of every process; repairs what that fault
 * left broken.
 */
export function reportFaults(
  stageOf: () => { readonly shape: Parameters<typeof tellOutputs>[0]; repair?(): Promise<void> } | undefined,
): void {
  beforeAll(() => console.log(`faults: seed ${faultOptions.seed}`));
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    console.log(`--- failed with seed ${faultOptions.seed}: ${commandFor(task.name)}`);
    const stage = stageOf();
    if (stage === undefined) return;
    tellOutputs(stage.shape);
    await stage.repair?.();
  });
}

/** How the same fault is run again. */
function commandFor(fault: string): string {
  const { seed, rounds: count, long } = faultOptions;
  const only = /^fault (\d+):/.exec(fault)?.[1] ?? `'${fault.split(':')[0]!}'`;
  return `npm run test:faults -- --seed ${seed} --rounds ${count}${long ? '' : ' --short'} --only ${only}`;
}

/** Starts every process of a shape anew, whether it lives or not. */
export async function startAllAgain(shape: DistributedShape): Promise<void> {
  await Promise.all(shape.processes.map((process) => process.startAgain()));
}
