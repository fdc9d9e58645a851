/** The stages of a test run, which are the targets of Nx that have tests or rules to hold. */
const stages = {
  lint: { lane: 1, servers: false, browser: false },
  unused: { lane: 1, servers: false, browser: false },
  layout: { lane: 1, servers: false, browser: false },
  unit: { lane: 0, servers: false, browser: false },
  adapter: { lane: 0, servers: true, browser: false },
  journey: { lane: 1, servers: true, browser: true },
  clients: { lane: 0, servers: true, browser: false },
  deploy: { lane: 1, servers: false, browser: false },
  fault: { lane: 2, servers: true, browser: false },
} as const;

export type StageName = keyof typeof stages;

/** In the order in which they run. */
export const stageNames = Object.keys(stages) as readonly StageName[];

export function isStage(name: string): name is StageName {
  return name in stages;
}

/**
 * Stages of one lane run one after another, those of another lane beside them: two cores are busy that way. The lane
 * `ALONE` waits for all others.
 */
export function laneOf(stage: StageName): number {
  return stages[stage].lane;
}

/** Faults measure how soon gateways notice something, with the time-outs of production: nothing else may run then. */
export const ALONE = 2;

/** Whether the tests of this stage work on PostgreSQL, Redis and Kafka. */
export function needsServers(stage: StageName): boolean {
  return stages[stage].servers;
}

/** Whether some of its tests are about what a browser does. */
export function needsBrowser(stage: StageName): boolean {
  return stages[stage].browser;
}

/** Closes a `switch` over stages: it does not compile while one is left out. */
export function unreachableStage(stage: never): never {
  throw new Error(`${String(stage)} is no stage`);
}
