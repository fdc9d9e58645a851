import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { BenchFailed } from './bench-failed.js';
import { checkBooks, type Books } from './books.js';
import type { Deployment } from './deployment.js';
import { formerBuild } from './former-build.js';
import {
  closedLoop,
  complaintOf,
  CONNECTIONS,
  formerOf,
  latencies,
  latencyOf,
  meetAll,
  prepareLoad,
  type PreparedLoad,
  type Subject,
} from './loads.js';
import type { BenchOptions } from './options.js';
import { BenchRefused, complaintAbout, findTools, othersShare, type Tools } from './preconditions.js';
import { summarizeProfile, type Cost, type Period } from './profile-summary.js';
import { scenarioResult, type BenchResult, type Measured as MeasuredSubject, type Measurements } from './results.js';
import { partLengths, partsOfRound, type Part } from './round-order.js';
import { FIVE_ACCOUNTS, isPaced, scenarios as allScenarios, type Scenario } from './scenarios.js';
import { startStack, type Stack } from './stack.js';
import { renderTable } from './table.js';
import type { TimedCall } from './timed-call.js';
import { measureWindow, together, type Window } from './window.js';

const KEYS = 10_000;
/** About how long one gateway is warmed before it is the other one's turn. */
const WARM_UP_PART_SECONDS = 10;
/** How long each of two builds has a scenario's load before it counts. */
const LEAD_IN_SECONDS = 2;
/** Functions and parts of a profile that are shown. */
const DEAREST = 25;

/**
 * Measures, and writes the result to the screen and into the file. Resolves with what the former build, if there was
 * one, makes of it: whether a scenario is worse. Rejects with BenchRefused or BenchFailed.
 */
export async function runBench(options: BenchOptions): Promise<{ worse: boolean }> {
  const startedAt = new Date();
  const former = options.against === null ? null : formerBuild(options.against, process.versions.node);
  checkWritable(options.jsonFile);
  const tools = await findTools();
  const others = await othersShare();
  const complaint = complaintAbout(others);
  if (complaint !== null && !options.anyway)
    throw new BenchRefused(`${complaint} Wait until it is quiet, or say --anyway: the result is then marked.`);
  if (complaint !== null) say(`${complaint} Going on all the same.`);
  const profileFolder = options.profileFolder === null ? null : resolve(options.profileFolder);
  if (profileFolder !== null) mkdirSync(profileFolder, { recursive: true });
  say('starting PostgreSQL, Redis, Kafka, the services, the upstream and the floor proxy');
  const underBudgets = options.scenarios.some(({ name }) => name === FIVE_ACCOUNTS);
  const stack = await startStack(tools, { keys: KEYS, underBudgets, former, profileFolder });
  let measured: Measured;
  let books: Books;
  let booksOfFormer: Books | null;
  try {
    measured = await new Run(stack, tools, options).all();
    say('waiting for the ledger to catch up');
    books = await checkBooks(stack.current);
    booksOfFormer = stack.former === null ? null : await checkBooksOfFormer(stack.former);
  } finally {
    await stack.stop();
  }
  const result: BenchResult = {
    startedAt: startedAt.toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      node: process.versions.node,
      kernel: release(),
    },
    options: {
      quick: options.quick,
      rounds: options.rounds,
      seconds: options.seconds,
      warmUpSeconds: options.gatewayWarmUpSeconds,
      connections: CONNECTIONS,
      keys: KEYS,
      profiled: profileFolder !== null,
    },
    others: { ...others, overridden: complaint !== null },
    scenarios: options.scenarios.map((scenario) => scenarioResult(scenario, measured.of(scenario))),
    books,
    against: former === null ? null : { folder: former.folder, books: booksOfFormer! },
  };
  say(`\n${renderTable(result)}`);
  writeFileSync(options.jsonFile, `${JSON.stringify(result, null, 2)}\n`);
  say(`\nin full: ${options.jsonFile}; ${((Date.now() - startedAt.getTime()) / 1_000).toFixed(0)} s`);
  if (profileFolder !== null) sayProfile(profileFolder, measured.gatewayPeriods);
  return { worse: result.scenarios.some(({ against }) => against?.verdict === 'worse') };
}

/** As `checkBooks`, with words that tell whose books are meant. */
async function checkBooksOfFormer(former: Deployment): Promise<Books> {
  try {
    return await checkBooks(former);
  } catch (error) {
    if (error instanceof BenchFailed) throw new BenchFailed(`in the former build, ${error.message}`, { cause: error });
    throw error;
  }
}

/** A quarter of an hour is not spent on a result that cannot be kept. Throws BenchRefused. */
function checkWritable(file: string): void {
  try {
    closeSync(openSync(file, 'a'));
  } catch (error) {
    throw new BenchRefused(
      `The result cannot be written to ${file} (${(error as NodeJS.ErrnoException).code}). Name another file with --json.`,
    );
  }
}

interface Measured {
  of(scenario: Scenario): Measurements;
  /** When the gateway had load that counts. */
  readonly gatewayPeriods: readonly Period[];
}

/** Rounds of windows on a stack that is ready. */
class Run {
  private readonly redis: { readonly current: Redis; readonly former: Redis | null };
  private readonly loads: ReadonlyMap<string, PreparedLoad>;
  private readonly windows: Record<Subject, Map<string, Window[]>> = mapsBySubject();
  private readonly gatewayPeriods: Period[] = [];
  private readonly calls: Record<Subject, Map<string, TimedCall[]>> = mapsBySubject();
  /** What the former build cannot serve, by scenario, and what it says instead. */
  private readonly unserved = new Map<string, string>();

  constructor(
    private readonly stack: Stack,
    private readonly tools: Tools,
    private readonly options: BenchOptions,
  ) {
    const { current, former } = stack;
    this.redis = { current: new Redis(current.redisUrl), former: former === null ? null : new Redis(former.redisUrl) };
    const floors = new Set(options.scenarios.map(({ floor }) => floor));
    const needed = allScenarios.filter((scenario) => options.scenarios.includes(scenario) || floors.has(scenario.name));
    this.loads = new Map(needed.map((scenario) => [scenario.name, prepareLoad(scenario, stack)]));
  }

  async all(): Promise<Measured> {
    try {
      if (this.stack.former !== null) await this.#askFormer();
      for (let round = 0; round < this.options.rounds; round++) {
        if (round === 0 || this.stack.former !== null) await this.#warmUp(round);
        for (const [floor, scenarios] of this.#byFloor()) await this.#round(round, floor, scenarios);
      }
      return { of: (scenario) => this.#measurements(scenario), gatewayPeriods: this.gatewayPeriods };
    } finally {
      this.redis.current.disconnect();
      this.redis.former?.disconnect();
    }
  }

  #measurements({ name, floor }: Scenario): Measurements {
    const measured = (subject: Subject, scenario: string): MeasuredSubject => {
      const calls = this.calls[subject].get(scenario);
      return { windows: this.windows[subject].get(scenario)!, latency: calls === undefined ? null : latencyOf(calls) };
    };
    const former = this.stack.former === null ? null : (this.unserved.get(name) ?? measured('former', name));
    return { gateway: measured('gateway', name), former, floor: measured('floor', floor) };
  }

  #byFloor(): Map<string, Scenario[]> {
    const groups = new Map<string, Scenario[]>();
    for (const scenario of this.options.scenarios) append(groups, scenario.floor, scenario);
    return groups;
  }

  /** A scenario may be younger than the former build. Rejects with BenchRefused where nothing is left to compare. */
  async #askFormer(): Promise<void> {
    for (const [name, load] of this.loads) {
      const complaint = await complaintOf(load, 'former', this.stack);
      if (complaint === null) continue;
      this.unserved.set(name, complaint);
      say(`the former build cannot serve ${name}: ${complaint}`);
    }
    if (this.options.scenarios.every(({ name }) => this.unserved.has(name))) {
      const { folder } = formerOf(this.stack).build;
      throw new BenchRefused(`the build in ${folder} serves none of the scenarios, so nothing can be compared.`);
    }
  }

  #serves(subject: Subject, name: string): boolean {
    return subject === 'former' ? this.stack.former !== null && !this.unserved.has(name) : true;
  }

  /**
   * The compiler has seen the code, and the gateways all keys, before anything counts. What a scenario shares with its
   * floor's is warm with that.
   *
   * Two processes of one build differ by several per cent for as long as they live: by what the compiler made of their
   * code, and by where their memory lies. So builds that are compared get new gateways for every round.
   */
  async #warmUp(round: number): Promise<void> {
    const { options, stack, tools } = this;
    if (round > 0) {
      await stack.settleBookkeepers();
      await stack.renewGateways();
    }
    say(round === 0 ? 'warming up' : 'warming up new gateways');
    const [first] = this.loads.values();
    for (const floor of this.#byFloor().keys()) {
      const load = this.loads.get(floor)!;
      // The code of streams is warm by then, and these take longest.
      if (isPaced(load.scenario) && options.scenarios.length > 1) continue;
      if (round === 0) await closedLoop(load, 'floor', stack, tools.wrk, options.warmUpSeconds);
      // The gateway has more code to warm, and gets fewer requests a second; what comes after shares most of it.
      const seconds = load === first ? options.gatewayWarmUpSeconds : options.warmUpSeconds;
      // In turns, lest one gateway is left to cool down while all of the other's time passes.
      const ofFormer = this.#servedByFormer(floor);
      for (const [turn, part] of partLengths(seconds, WARM_UP_PART_SECONDS).entries()) {
        const order: [Subject, PreparedLoad | undefined][] = [
          ['gateway', load],
          ['former', ofFormer],
        ];
        if ((round + turn) % 2 === 1) order.reverse();
        for (const [subject, served] of order) {
          if (served !== undefined) await closedLoop(served, subject, stack, tools.wrk, part);
        }
      }
    }
    for (const [name, load] of this.loads) {
      if (load.credentials.length === 1) continue;
      for (const subject of ['gateway', 'former'] as const) {
        if (this.#serves(subject, name)) await meetAll(load, subject, stack);
      }
    }
  }

  /** A load that warms the former build for the scenarios of this floor: the floor's own where it serves that. */
  #servedByFormer(floor: string): PreparedLoad | undefined {
    const names = [
      floor,
      ...this.#byFloor()
        .get(floor)!
        .map(({ name }) => name),
    ];
    const served = names.find((name) => this.#serves('former', name));
    return served === undefined ? undefined : this.loads.get(served);
  }

  async #round(round: number, floor: string, scenarios: readonly Scenario[]): Promise<void> {
    const compared = ({ name }: Scenario): boolean => this.#serves('former', name);
    for (const parts of partsOfRound(round, floor, scenarios, { seconds: this.options.seconds, compared })) {
      // What only this scenario's load does is warm in both, and the first turn is like all others.
      if (parts.length > 1)
        for (const part of parts.slice(0, 2)) await this.#part({ ...part, seconds: LEAD_IN_SECONDS });
      const measured = new Map<Subject, Window[]>();
      for (const part of parts) append(measured, part.subject, await this.#part(part));
      for (const [subject, windows] of measured) this.#keep(round, parts[0]!.scenario, subject, together(windows));
    }
    for (const scenario of scenarios) {
      if (isPaced(scenario)) continue;
      const all: Subject[] = ['gateway', 'former', 'floor'];
      const subjects = all.filter((subject) => this.#serves(subject, scenario.name));
      const calls = await latencies(this.loads.get(scenario.name)!, subjects, this.stack, this.options.latencySeconds);
      for (const [n, subject] of subjects.entries()) {
        append(this.calls[subject], subject === 'floor' ? floor : scenario.name, ...calls[n]!);
      }
    }
  }

  #keep(round: number, name: string, subject: Subject, window: Window): void {
    append(this.windows[subject], name, window);
    const rate = window.requestsPerSecond.toFixed(0).padStart(6);
    const cpu = window.cpuMicroseconds.toFixed(1).padStart(7);
    say(`round ${round + 1}  ${name.padEnd(16)} ${subject.padEnd(8)} ${rate} req/s  ${cpu} µs`);
  }

  async #part({ scenario, subject, seconds }: Part): Promise<Window> {
    const { stack, tools } = this;
    const load = this.loads.get(scenario)!;
    await stack.settleBookkeepers();
    const deployment = subject === 'former' ? formerOf(stack) : stack.current;
    const { pid } = subject === 'floor' ? stack.floor : deployment.gateway;
    const redis = subject === 'former' ? this.redis.former! : this.redis.current;
    const settled = subject === 'floor' ? () => Promise.resolve() : () => deployment.untilQuiet();
    const from = monotonicMicroseconds();
    const window = await measureWindow(pid, redis, () => closedLoop(load, subject, stack, tools.wrk, seconds), settled);
    if (subject === 'gateway') this.gatewayPeriods.push([from, monotonicMicroseconds()]);
    return window;
  }
}

function mapsBySubject<T>(): Record<Subject, Map<string, T[]>> {
  return { gateway: new Map(), former: new Map(), floor: new Map() };
}

function append<K, T>(lists: Map<K, T[]>, name: K, ...values: T[]): void {
  const known = lists.get(name);
  if (known === undefined) lists.set(name, values);
  else known.push(...values);
}

function monotonicMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

function sayProfile(folder: string, periods: readonly Period[]): void {
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .at(-1);
  if (newest === undefined) return say(`no profile was written to ${folder}`);
  const { functions, parts } = summarizeProfile(readFileSync(join(folder, newest), 'utf8'), periods, DEAREST);
  const lines = (costs: readonly Cost[]): string =>
    costs.map(({ name, share }) => `${(share * 100).toFixed(1).padStart(5)} %  ${name}`).join('\n');
  say(
    `\nThe gateway's own time by function, under load (${join(folder, newest)}):\n${lines(functions)}\n\nBy package or folder, with what Node.js and the system did for it:\n${lines(parts)}`,
  );
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
