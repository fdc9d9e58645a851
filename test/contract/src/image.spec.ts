import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { tempFolder } from '@tollgate/infra';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { repository } from './compose-file.js';

let assembled: string;
const files: string[] = [];

beforeAll(() => {
  assembled = join(tempFolder('tollgate-assembled'), 'image');
  execFileSync('sh', ['deploy/docker/assemble.sh', assembled], {
    cwd: repository,
    env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
  });
  for (const entry of readdirSync(assembled, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) files.push(relative(assembled, join(entry.parentPath, entry.name)));
});

const textOf = (name: string): string => readFileSync(join(repository, name), 'utf8');
const apps = ['gateway', 'key-management', 'usage-billing', 'secret-scanning', 'standalone'];

describe('the Dockerfile', () => {
  const dockerfile = textOf('deploy/docker/Dockerfile');

  it('has the Node.js that the lock brings to machines without Docker', () => {
    const { optionalDependencies } = JSON.parse(textOf('package.json')) as {
      optionalDependencies: Record<string, string>;
    };
    const bases = [...dockerfile.matchAll(/^FROM (?:--platform=\S+ )?node:([\d.]+)-/gm)].map((match) => match[1]);
    expect(bases.length).toBeGreaterThan(1);
    expect(new Set([...bases, ...Object.values(optionalDependencies)]).size).toBe(1);
    expect(dockerfile).toContain(`base.name="docker.io/library/node:${bases[0]}-`);
  });

  it('builds every app, and runs as a user without rights', () => {
    for (const app of apps) {
      expect(dockerfile).toMatch(new RegExp(`tsc -b .*apps/${app}\\b`));
      expect(dockerfile).toContain(`--workspace apps/${app}`);
    }
    expect(dockerfile).toMatch(/^USER 10001:10001$/m);
  });

  it('installs packages before it sees sources, so that a changed line installs nothing', () => {
    for (const stage of dockerfile.split(/^FROM /m).filter((text) => text.includes('npm ci'))) {
      const installs = stage.indexOf('npm ci');
      expect(stage.slice(0, installs)).toContain('COPY --from=manifests');
      expect(stage.slice(0, installs)).not.toContain('COPY . .');
    }
  });

  it('ends with the image that is released, which has no simulator', () => {
    expect(dockerfile.trimEnd().split('\n').at(-1)).toBe('FROM base AS released');
    expect(dockerfile.split('FROM base AS demo')[0]).not.toMatch(/COPY --from=\w+ \/\S*demo /);
  });

  it('never gets a secret of the machine that it is built on', () => {
    const ignored = textOf('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    // What is not named is left out, and what is named after it is left out again.
    expect(ignored[0]).toBe('*');
    expect(ignored.slice(ignored.findLastIndex((line) => line.startsWith('!')) + 1)).toEqual(
      expect.arrayContaining(['**/.data', '**/.env*', '**/node_modules', '**/dist']),
    );
    expect(ignored.filter((line) => /^!(?:secrets|\.)/.test(line))).toEqual([]);
  });
});

describe('what the image has of the code', () => {
  it('is compiled, without sources, types, maps and tests', () => {
    expect(files.length).toBeGreaterThan(500);
    for (const app of apps) expect(files).toContain(`apps/apps/${app}/dist/main.js`);
    expect(files.filter((file) => /\.(?:ts|map|md|tsbuildinfo)$|\.(?:spec|test)\.js$|\/testing\//.test(file))).toEqual(
      [],
    );
  });

  it('has simulators and made-up usage in the part of the demo alone', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'demo/test/demo/dist/main.js',
        'demo/test/provider-simulator/dist/main.js',
        'demo/test/github-simulator/dist/index.js',
      ]),
    );
    expect(files.filter((file) => file.startsWith('apps/test/') || /^apps\/.*simulator/.test(file))).toEqual([]);
  });

  it('has every file beside the code that the code reads', () => {
    const code = files.filter((file) => file.endsWith('.js'));
    const read = code.flatMap((file) =>
      [...readFileSync(join(assembled, file), 'utf8').matchAll(/new URL\('(\.[^'$]+)', import\.meta\.url\)/g)].map(
        (match) => join(dirname(file), match[1]!),
      ),
    );
    // Folders and constants of commands that an operator runs in a checkout are not read by the image.
    expect(read).toContain('apps/libs/server/known-prices/data/model-limits.json');
    expect(read.filter((path) => !path.endsWith('/') && !existsSync(join(assembled, path)))).toEqual([]);
  });

  it('has the date that the builder was told, so that the same commit gives the same layer', () => {
    expect(new Set(files.map((file) => statSync(join(assembled, file)).mtimeMs))).toEqual(new Set([1_700_000_000_000]));
  });
});

describe('the health check of the image', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  async function healthAt(status: number): Promise<{ code: number; asked: string[] }> {
    const asked: string[] = [];
    server = createServer((request, reply) => {
      asked.push(`${request.method} ${request.url}`);
      reply.writeHead(status).end('{}');
    });
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const code = await promisify(execFile)('bash', ['deploy/docker/health.sh'], {
      cwd: repository,
      env: { PATH: process.env['PATH']!, TOLLGATE_OPERATIONS_PORT: String(port) },
    }).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
    return { code, asked };
  }

  it.each([
    [200, 0],
    [503, 1],
    [404, 1],
  ])('of an app that answers %d ends with %d', async (status, code) => {
    expect(await healthAt(status)).toEqual({ code, asked: ['GET /readyz'] });
  });

  it('of an app that does not listen ends with 1', () => {
    const { status } = spawnSync('bash', ['deploy/docker/health.sh'], {
      cwd: repository,
      env: { PATH: process.env['PATH']!, TOLLGATE_OPERATIONS_PORT: '1' },
    });
    expect(status).toBe(1);
  });
});
