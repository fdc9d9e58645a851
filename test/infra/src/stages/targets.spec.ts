import { globSync, readFileSync } from 'node:fs';
import { matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');

type Inputs = readonly (string | object)[];
interface NxConfiguration {
  readonly namedInputs: Readonly<Record<string, Inputs>>;
  readonly targetDefaults: Readonly<Record<string, { readonly cache: boolean; readonly inputs: Inputs }>>;
}
type Targets = Readonly<Record<string, { readonly inputs?: Inputs }>>;

const nx = JSON.parse(read('nx.json')) as NxConfiguration;
const projects = globSync('{apps,libs/*,test}/*/package.json', { cwd: root }).map((file) => {
  const folder = file.slice(0, -'/package.json'.length);
  const { targets } = (JSON.parse(read(file)) as { nx: { targets: Targets } }).nx;
  return { folder, targets, files: globSync(`${folder}/src/**/*.ts`, { cwd: root }) };
});
const isTest = (file: string): boolean => /\.(?:spec|test)\.ts$/.test(file);

/** The files of the root that an input names, through the names that it stands for. */
function filesOf(inputs: Inputs): string[] {
  return inputs.flatMap((input) => {
    if (typeof input !== 'string') return [];
    if (nx.namedInputs[input]) return filesOf(nx.namedInputs[input]);
    return input.startsWith('{workspaceRoot}/') ? [input.slice('{workspaceRoot}/'.length)] : [];
  });
}

/** What a source file reads in the root of the repository, as far as its text tells. */
function readsInRoot(file: string): string[] {
  const text = read(file);
  const patterns = [
    /(?:repository|root)(?:\}|\(['"`]|, ['"`])\/?((?:docs|deploy)\/[\w./-]+|[\w.-]+\.(?:md|ya?ml|json|mjs|mts)|\.\w+ignore)/g,
    /new URL\(\s*['"`](?:\.\.\/)+((?:docs|deploy)\/[\w./-]+|[\w.-]+\.(?:md|ya?ml|json|mjs|mts))['"`]/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!));
}

describe.each(projects)('the targets of $folder', ({ folder, targets, files }) => {
  const stages = Object.keys(targets).filter((name) =>
    ['unit', 'adapter', 'journey', 'clients', 'deploy', 'fault'].includes(name),
  );

  it('take up each test that stands there, and nothing else', () => {
    const others = stages.filter((name) => name !== 'unit');
    expect(Object.keys(targets)).toContain('lint');
    expect(stages.includes('unit')).toBe(files.some((file) => file.endsWith('.spec.ts')));
    expect(others).toHaveLength(files.some((file) => file.endsWith('.test.ts')) ? 1 : 0);
  });

  it('run again when a file has changed that their tests read in the root', () => {
    for (const file of files.filter((name) => isTest(name) || folder.startsWith('test/'))) {
      const own = file.endsWith('.spec.ts')
        ? ['unit']
        : isTest(file)
          ? stages.filter((name) => name !== 'unit')
          : stages;
      for (const path of readsInRoot(file)) {
        const taken = own.filter((stage) =>
          filesOf(targets[stage]?.inputs ?? nx.targetDefaults[stage]!.inputs).some((glob) => matchesGlob(path, glob)),
        );
        expect(isTest(file) ? taken.length === own.length : taken.length > 0, `${file} reads ${path}`).toBe(true);
      }
    }
  });

  it('start no server in specs, which run in milliseconds', () => {
    const starts = /start(?:EmbeddedPostgres|Postgres|Redis|Kafka|KeyManagement|Infra|Standalone|Distributed)\(/;
    expect(files.filter((file) => file.endsWith('.spec.ts') && starts.test(read(file)))).toEqual([]);
  });

  it('put nothing in the place of a module but in files that say so by their names', () => {
    const call = ['vi', '.mock('].join('');
    const mocking = files.filter((file) => file.endsWith('.spec.ts') && read(file).includes(call));
    expect(mocking.filter((file) => !file.endsWith('.mocked.spec.ts'))).toEqual([]);
  });
});

describe('the stages', () => {
  it('run again when what all of them stand on has changed', () => {
    for (const [stage, { cache, inputs }] of Object.entries(nx.targetDefaults)) {
      expect(cache, stage).toBe(true);
      expect(filesOf(inputs), stage).toEqual(
        expect.arrayContaining(['package.json', 'package-lock.json', 'tsconfig.base.json', 'nx.json']),
      );
    }
  });
});
