import { parseArgs } from 'node:util';
import { scenarios, scenariosNamed, type Scenario } from './scenarios.js';

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  /** Length of a window. */
  readonly seconds: number;
  /** Length of a measurement at a fixed rate. */
  readonly latencySeconds: number;
  /** Before the first round, for each kind of load. */
  readonly warmUpSeconds: number;
  /** The gateway's first: until the code that ships usage, which runs ten times a second, is compiled as well. */
  readonly gatewayWarmUpSeconds: number;
  readonly quick: boolean;
  /** On a busy machine too; the result is marked. */
  readonly anyway: boolean;
  readonly jsonFile: string;
  /** Where the gateway's CPU profile goes; null for none. */
  readonly profileFolder: string | null;
  /** The folder of a former build that is measured in turn with this one; null for none. */
  readonly against: string | null;
}

export const usage = `npm run bench -- [options]
  --quick             two rounds of short windows: about three minutes, rough
  --scenario NAME     only this one, may be repeated: ${scenarios.map(({ name }) => name).join(', ')}
  --rounds N          default 5
  --seconds N         length of a window, default 10
  --warm-up N         seconds that a gateway is warmed before it is measured, default 80
  --json FILE         default bench-result.json
  --profile FOLDER    writes the gateway's CPU profile there and prints its dearest functions
  --against FOLDER    measures the build in another checkout in turn with this one; ends with code 2 where this is worse
  --anyway            on a busy machine too; the result says so`;

/** Reads the command line. Throws a TypeError that says what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      anyway: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      json: { type: 'string', default: 'bench-result.json' },
      profile: { type: 'string' },
      against: { type: 'string' },
    },
  });
  if (values.against === '') throw new TypeError('--against must name a folder');
  if (values.against !== undefined && values.profile !== undefined) {
    throw new TypeError('--against and --profile exclude each other: a gateway that is profiled costs more');
  }
  const seconds = wholeNumber('seconds', values.seconds, values.quick ? 2 : 10, 1, 600);
  return {
    scenarios:
      values.scenario === undefined ? scenarios : scenariosNamed(values.scenario.flatMap((names) => names.split(','))),
    rounds: wholeNumber('rounds', values.rounds, values.quick ? 2 : 5, 1, 100),
    seconds,
    latencySeconds: values.quick ? 1 : Math.ceil(seconds / 2),
    warmUpSeconds: values.quick ? 1 : 3,
    gatewayWarmUpSeconds: wholeNumber('warm-up', values['warm-up'], values.quick ? 5 : 80, 1, 600),
    quick: values.quick,
    anyway: values.anyway,
    jsonFile: values.json,
    profileFolder: values.profile ?? null,
    against: values.against ?? null,
  };
}

function wholeNumber(name: string, text: string | undefined, otherwise: number, least: number, most: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new TypeError(`--${name} must be a whole number from ${least} to ${most}`);
  return value;
}
