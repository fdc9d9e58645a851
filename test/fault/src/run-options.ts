import { randomInt } from 'node:crypto';

/** How the fault suite runs: `npm run test:faults` sets these, `npm test` none of them. */
export interface FaultOptions {
  /** Every random point of every fault follows from it. */
  readonly seed: number;
  /** How often each fault happens. */
  readonly rounds: number;
  /** Outages as long as they are promised to be survived, in the first round; else some seconds. */
  readonly long: boolean;
}

export const optionVariables = {
  seed: 'TOLLGATE_FAULT_SEED',
  rounds: 'TOLLGATE_FAULT_ROUNDS',
  long: 'TOLLGATE_FAULT_LONG',
} as const;

export const faultOptions: FaultOptions = readOptions(process.env);

/** Throws a RangeError that names a variable without sense. */
export function readOptions(environment: NodeJS.ProcessEnv): FaultOptions {
  const whole = (name: string, lowest: number, otherwise: () => number): number => {
    const text = environment[name];
    if (text === undefined) return otherwise();
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < lowest)
      throw new RangeError(`${name} must be a whole number from ${lowest} on`);
    return value;
  };
  return {
    seed: whole(optionVariables.seed, 0, () => randomInt(2 ** 31)),
    rounds: whole(optionVariables.rounds, 1, () => 1),
    long: environment[optionVariables.long] === 'true',
  };
}
