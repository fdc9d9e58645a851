import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { tempFolder } from '../folders.js';
import { unreachableStage, type StageName } from './stage-names.js';
import { runChildProgram } from './child-program.js';
import { unhandledErrorsVariable } from './unhandled-errors.js';
import {
  verdictOnLint,
  verdictOnProgram,
  verdictOnVitest,
  type LintReport,
  type Verdict,
  type VitestReport,
} from './verdict.js';

/** What came of each project, by its folder. */
type Verdicts = (project: string) => Verdict;

/** Runs one stage for these projects, given by their folders, with one program for all of them. */
export async function runStage(
  root: string,
  stage: StageName,
  projects: readonly string[],
  serverEnvironment: () => Promise<Record<string, string>>,
): Promise<Verdicts> {
  process.stdout.write(`\n== ${stage}: ${projects.length === 1 ? projects[0] : `${projects.length} projects`}\n`);
  switch (stage) {
    case 'lint':
      return lint(root, projects);
    case 'unused':
      return program(root, 'knip', ['--no-progress']);
    case 'layout':
      return program(root, 'prettier', ['--check', '--log-level=warn', '.']);
    case 'unit':
    case 'adapter':
    case 'journey':
    case 'clients':
    case 'deploy':
    case 'fault':
      return vitest(root, stage, projects, serverEnvironment);
    default:
      return unreachableStage(stage);
  }
}

async function program(root: string, command: string, args: readonly string[]): Promise<Verdicts> {
  const verdict = verdictOnProgram(await runChildProgram(root, command, args, {}).exitCode);
  return () => verdict;
}

async function lint(root: string, projects: readonly string[]): Promise<Verdicts> {
  const file = join(tempFolder('tollgate-lint'), 'lint.json');
  const args = [
    '--max-warnings=0',
    '--format=json',
    `--output-file=${file}`,
    '--no-error-on-unmatched-pattern',
    ...projects,
  ];
  const exitCode = await runChildProgram(root, 'eslint', args, {}).exitCode;
  const report = readReport<LintReport>(file);
  return (project) =>
    verdictOnLint(
      exitCode,
      report?.filter(({ filePath }) => isIn(root, project, filePath)),
    );
}

async function vitest(
  root: string,
  stage: string,
  projects: readonly string[],
  serverEnvironment: () => Promise<Record<string, string>>,
): Promise<Verdicts> {
  let environment: Record<string, string>;
  try {
    environment = await serverEnvironment();
  } catch (error) {
    const { message } = error as Error;
    return () => ({ passed: 0, failed: 1, problem: 'the servers are missing, so it was not run', failures: [message] });
  }
  const folder = tempFolder('tollgate-vitest');
  const [file, errorsFile] = [join(folder, 'vitest.json'), join(folder, 'errors.json')];
  const reporters = ['default', 'json', join(import.meta.dirname, 'unhandled-errors.js')];
  const args = [
    'run',
    `--project=${stage === 'unit' ? 'unit*' : stage}`,
    ...reporters.map((name) => `--reporter=${name}`),
    `--outputFile.json=${file}`,
  ];
  const folders = projects.map((project) => `${project}/src/`);
  const exitCode = await runChildProgram(root, 'vitest', [...args, ...folders], {
    ...environment,
    [unhandledErrorsVariable]: errorsFile,
  }).exitCode;
  const report = readReport<VitestReport>(file);
  const errors = readReport<string[]>(errorsFile);
  const failed = report?.testResults.some(({ status }) => status === 'failed') ?? false;
  return (project) => {
    const own = report?.testResults.filter(({ name }) => isIn(root, project, name));
    // A run that failed outside of its tests is red for every project in it: nobody can tell whose fault it was.
    const blamed = failed && errors?.length === 0 ? 0 : exitCode;
    const verdict = verdictOnVitest(blamed, own && { testResults: own });
    return verdict.failed > 0 && errors?.length
      ? { ...verdict, failures: [...(verdict.failures ?? []), ...errors] }
      : verdict;
  };
}

function isIn(root: string, project: string, file: string): boolean {
  return relative(join(root, project), file).startsWith('src/') || file === join(root, project, 'package.json');
}

function readReport<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  } finally {
    rmSync(file, { force: true });
  }
}
