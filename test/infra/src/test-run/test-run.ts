import { chmodSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startInfra, type Infra } from '../endpoints.js';
import { tempFolder } from '../folders.js';
import { runChildProgram, type ChildProgram } from './child-program.js';
import { verdictOnProgram, verdictOnVitest, type Verdict, type VitestReport } from './verdict.js';

/** vitest projects and where their files are. The first needs no servers. */
const projects = {
  unit: '{apps,libs/*,test}/*/src/**/*.spec.ts',
  contract: 'test/contract/src/**/*.test.ts',
  journey: 'test/journey/src/**/*.test.ts',
  fault: 'test/fault/src/**/*.test.ts',
} as const;
type Project = keyof typeof projects;

/** What the stages wait for once a signal has ended the run: its exit code wins, and no further stage begins. */
const pending = new Promise<never>(() => undefined);

interface Stage {
  name: string;
  seconds: number;
  verdict: Verdict;
}

/**
 * The one test command: lint, unit, and on real servers contract, journey and fault. The servers start while lint
 * and unit run. A red stage does not keep the next from running. Resolves with the exit code.
 */
export async function runTests(root: string): Promise<number> {
  return new TestRun(root).run();
}

class TestRun {
  private readonly stages: Stage[] = [];
  /** Holds the reports, and is the temporary folder of all tests: what a killed process leaves there goes with it. */
  private readonly folder = tempFolder('tollgate-run');
  private readonly started = performance.now();
  private readonly servers: Promise<Infra>;
  private current: ChildProgram | undefined;
  private stopping = false;
  private readonly interrupted: Promise<number>;

  constructor(private readonly root: string) {
    // The servers' own users may have to pass through.
    chmodSync(this.folder, 0o711);
    this.servers = startInfra();
    // Reported when the servers' turn comes.
    this.servers.catch(() => undefined);
    this.interrupted = this.whenInterrupted();
  }

  async run(): Promise<number> {
    const exitCode = await Promise.race([this.allStages(), this.interrupted]);
    await this.stopServers();
    return exitCode;
  }

  private async allStages(): Promise<number> {
    await this.stage('lint', async () => verdictOnProgram(await this.program('npm', ['run', '--silent', 'lint'])));
    await this.vitest('unit');
    const infra = await this.awaitServers();
    for (const project of ['contract', 'journey', 'fault'] as const) {
      if (infra) await this.vitest(project, infra.environment);
    }
    return this.close();
  }

  private async awaitServers(): Promise<Infra | undefined> {
    let infra: Infra | undefined;
    await this.stage('servers', async () => {
      try {
        infra = await this.servers;
        return { passed: 0, failed: 0 };
      } catch (error) {
        process.stderr.write(`${(error as Error).message}\n`);
        return { passed: 0, failed: 1, problem: 'missing, so contract, journey and fault were not run' };
      }
    });
    return infra;
  }

  private async vitest(project: Project, environment: Record<string, string> = {}): Promise<void> {
    if (globSync(projects[project], { cwd: this.root }).length === 0) {
      process.stdout.write(`\n== ${project}: no test files yet\n`);
      return;
    }
    await this.stage(project, async () => {
      const file = join(this.folder, `${project}.json`);
      const exitCode = await this.program(
        'vitest',
        ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
        environment,
      );
      return verdictOnVitest(exitCode, readReport(file));
    });
  }

  private program(command: string, args: readonly string[], environment: Record<string, string> = {}): Promise<number> {
    this.current = runChildProgram(this.root, command, args, {
      NX_DAEMON: 'false',
      TMPDIR: this.folder,
      ...environment,
    });
    return this.current.exitCode;
  }

  private async stage(name: string, work: () => Promise<Verdict>): Promise<void> {
    process.stdout.write(`\n== ${name}\n`);
    const started = performance.now();
    const verdict = await work();
    if (this.stopping) return pending;
    const seconds = (performance.now() - started) / 1000;
    this.stages.push({ name, seconds, verdict });
    process.stdout.write(`== ${name}: ${verdict.problem ?? 'ok'}, ${seconds.toFixed(1)} s\n`);
  }

  /** Prints what failed and the closing line, which other programs read. */
  private close(): number {
    const sum = (count: (verdict: Verdict) => number) =>
      this.stages.reduce((total, stage) => total + count(stage.verdict), 0);
    const failed = sum((verdict) => verdict.failed);
    process.stdout.write(
      `\n${this.stages.map((stage) => `${stage.name} ${stage.seconds.toFixed(1)} s`).join(', ')}; ` +
        `in all ${((performance.now() - this.started) / 1000).toFixed(1)} s\n`,
    );
    for (const { name, verdict } of this.stages) {
      if (verdict.problem) process.stdout.write(`failed: ${name}: ${verdict.problem}\n`);
      for (const failure of verdict.failures ?? []) process.stdout.write(`  ${failure}\n`);
    }
    process.stdout.write(`${sum((verdict) => verdict.passed)} passed, ${failed} failed\n`);
    return failed === 0 ? 0 : 1;
  }

  /** Resolves with the exit code once a signal has come and the program of the current stage has gone. */
  private whenInterrupted(): Promise<number> {
    return new Promise((resolve) => {
      const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
      for (const signal of Object.keys(codes) as (keyof typeof codes)[]) {
        process.on(signal, () => {
          process.stderr.write(`\n${signal}: stopping\n`);
          this.stopping = true;
          this.current?.kill(signal);
          void Promise.race([this.current?.exitCode, delay(5_000)]).then(() => {
            this.current?.kill('SIGKILL');
            resolve(codes[signal]);
          });
        });
      }
    });
  }

  /** Not waited for longer than this; what is still starting then is ended as this process ends. */
  private async stopServers(): Promise<void> {
    const stopped = this.servers.then(
      (infra) => infra.stop(),
      () => undefined,
    );
    await Promise.race([stopped, delay(8_000)]);
  }
}

function readReport(file: string): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch {
    return undefined;
  }
}
