import { randomUUID } from 'node:crypto';
import { chromiumProgram } from '../chromium.js';
import { startInfra, type Infra } from '../endpoints.js';
import { runChildProgram } from './child-program.js';
import { ALONE, isStage, laneOf, needsBrowser, needsServers, stageNames, type StageName } from './stage-names.js';
import { runStage } from './run-stage.js';
import type { Verdict } from './verdict.js';
import { runVariable, writeStageReport, type StageReport } from './stage-report.js';

/** The part of Nx's task graph that is read here. */
interface TaskGraph {
  readonly tasks: Readonly<
    Record<string, { readonly id: string; readonly target: Target; readonly projectRoot?: string }>
  >;
}
interface Target {
  readonly project: string;
  readonly target: string;
}
interface ExecutorContext {
  readonly root: string;
  readonly projectName?: string;
  readonly targetName?: string;
  readonly projectsConfigurations: { readonly projects: Readonly<Record<string, { readonly root: string }>> };
}
interface TaskResult {
  readonly success: boolean;
  readonly terminalOutput: string;
  readonly startTime?: number;
  readonly endTime?: number;
}

/** One stage and the projects that have to go through it. */
interface StageWork {
  readonly stage: StageName;
  readonly tasks: { readonly id: string; readonly project: string }[];
}

/**
 * Runs every task that Nx did not find in its cache, all in this process: one ESLint and one vitest for all projects,
 * since each takes seconds to start. Two lanes run side by side; the servers start with the first stage that needs
 * them. Yields what each task came to as soon as its stage is over.
 */
export async function* runStages(
  graph: TaskGraph,
  _inputs: unknown,
  _overrides: unknown,
  context: ExecutorContext,
): AsyncGenerator<{ task: string; result: TaskResult }> {
  const work = workOf(graph, context);
  // Journeys run what is compiled: a result of an older build would be kept as one of these sources.
  const built = await runChildProgram(context.root, 'tsc', ['-b'], {}).exitCode;
  if (built !== 0) {
    for (const { stage, tasks } of work) yield* report(context.root, stage, tasks, Date.now(), () => doesNotCompile);
    return;
  }
  const servers = lazyServers();
  const finished: { task: string; result: TaskResult }[] = [];
  let wake: () => void = () => undefined;
  const runLane = async (stages: readonly StageWork[]) => {
    for (const one of stages) {
      finished.push(...(await runTasks(context.root, one, servers.environment)));
      wake();
    }
  };
  const [alone, beside] = [work.filter(isAlone), work.filter((one) => !isAlone(one))];
  let running = true;
  const runAll = async (): Promise<void> => {
    await Promise.all(lanesOf(beside).map(runLane));
    await runLane(alone);
  };
  const allDone = runAll().finally(() => {
    running = false;
    wake();
  });
  allDone.catch(() => undefined);
  while (running || finished.length > 0) {
    yield* finished.splice(0);
    if (running) await new Promise<void>((resolve) => (wake = resolve));
  }
  await servers.stop();
  await allDone;
}

/** As `runStages`, for one task: what Nx calls for `nx run` with `--batch=false`. */
export default async function runOneStage(_options: unknown, context: ExecutorContext): Promise<{ success: boolean }> {
  const target = { project: context.projectName!, target: context.targetName! };
  const id = `${target.project}:${target.target}`;
  for await (const { result } of runStages({ tasks: { [id]: { id, target } } }, {}, {}, context)) {
    process.stdout.write(`${result.terminalOutput}\n`);
    if (!result.success) return { success: false };
  }
  return { success: true };
}

function workOf(graph: TaskGraph, { projectsConfigurations }: ExecutorContext): StageWork[] {
  const work = new Map<StageName, StageWork>();
  for (const { id, target } of Object.values(graph.tasks)) {
    if (!isStage(target.target)) throw new Error(`${target.target} is no stage`);
    const one = work.get(target.target) ?? { stage: target.target, tasks: [] };
    one.tasks.push({ id, project: projectsConfigurations.projects[target.project]!.root });
    work.set(target.target, one);
  }
  return stageNames.flatMap((stage) => work.get(stage) ?? []);
}

const isAlone = ({ stage }: StageWork): boolean => laneOf(stage) === ALONE;

function lanesOf(work: readonly StageWork[]): StageWork[][] {
  const lanes = [...new Set(work.map(({ stage }) => laneOf(stage)))];
  return lanes.map((lane) => work.filter(({ stage }) => laneOf(stage) === lane));
}

async function runTasks(
  root: string,
  { stage, tasks }: StageWork,
  serverEnvironment: () => Promise<Record<string, string>>,
): Promise<{ task: string; result: TaskResult }[]> {
  const startTime = Date.now();
  // Before the tests, which run in several processes: only one may install it. Those that need it say what is missing.
  if (needsBrowser(stage)) await chromiumProgram().catch(() => undefined);
  const verdicts = await runStage(
    root,
    stage,
    tasks.map(({ project }) => project),
    needsServers(stage) ? serverEnvironment : async () => ({}),
  );
  return report(root, stage, tasks, startTime, verdicts);
}

const doesNotCompile: Verdict = { passed: 0, failed: 1, problem: 'the sources do not compile' };

/** Writes the report of each task and tells Nx of it. */
function report(
  root: string,
  stage: StageName,
  tasks: StageWork['tasks'],
  startTime: number,
  verdicts: (project: string) => Verdict,
): { task: string; result: TaskResult }[] {
  const run = process.env[runVariable] ?? randomUUID();
  const endTime = Date.now();
  return tasks.map(({ id, project }) => {
    const one: StageReport = { stage, project, seconds: (endTime - startTime) / 1000, run, ...verdicts(project) };
    writeStageReport(root, one);
    const { passed, problem, failures = [] } = one;
    const words =
      problem === undefined ? `${stage} of ${project}: ok, ${passed} passed` : `${stage} of ${project}: ${problem}`;
    return {
      task: id,
      result: { success: problem === undefined, terminalOutput: [words, ...failures].join('\n'), startTime, endTime },
    };
  });
}

/** The servers of the run, started when they are first asked for. */
function lazyServers() {
  let infra: Promise<Infra> | undefined;
  return {
    environment: async () => (await (infra ??= startInfra())).environment,
    stop: async () => {
      await infra?.then(
        (started) => started.stop(),
        () => undefined,
      );
    },
  };
}
