import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';

// The boundaries of the workspace are read without a process that stays.
process.env['NX_DAEMON'] = 'false';
// With CI=true the typed rules would read each file from the disk once, and not the texts given here.
process.env['TSESTREE_SINGLE_RUN'] = 'false';
const root = fileURLToPath(new URL('../../../', import.meta.url));
const eslint = new ESLint({ cwd: root });

/** The rules that a text breaks as the content of a file that is there: typed rules know no other files. */
async function brokenRules(text: string, file: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(text, { filePath: `${root}${file}` });
  return result!.messages.map(({ ruleId, message }) => ruleId ?? message);
}

const DOMAIN = 'libs/domain/credit/src/money.ts';
const IMPORTS = 'no-restricted-imports',
  GLOBALS = 'no-restricted-globals';

describe('lint in a domain library', () => {
  it.each([
    ...[
      'node:fs',
      'node:fs/promises',
      'node:http',
      'node:https',
      'node:timers/promises',
      'node:child_process',
      'node:process',
      'node:perf_hooks',
      'node:os',
      'fs',
      'openai',
      'pg',
      'ioredis',
      'lodash',
      '@nestjs/common',
      '@scope/other',
      'zod/v4',
    ].map((name): [string, string] => [`import * as all from '${name}';\nexport const x = all;\n`, IMPORTS]),
    ["import { connect } from 'node:net';\nexport const x = connect;\n", IMPORTS],
    ["import { gzipSync } from 'node:zlib';\nexport const x = gzipSync;\n", IMPORTS],
    ...['randomUUID', 'randomUUIDv7', 'generateKeyPairSync', 'generatePrimeSync', 'createECDH', 'webcrypto'].map(
      (name): [string, string] => [`import { ${name} } from 'node:crypto';\nexport const x = ${name};\n`, IMPORTS],
    ),
    ['export const x = Date.now();\n', GLOBALS],
    ['export const x = () => new Date();\n', GLOBALS],
    ['export const x = performance.now();\n', GLOBALS],
    ['export const x = process.env;\n', GLOBALS],
    ["export const x = () => fetch('https://a.example/');\n", GLOBALS],
    ['export const x = () => setTimeout(() => undefined, 1);\n', GLOBALS],
    ['export const x = globalThis;\n', GLOBALS],
    ['export const x = () => crypto.randomUUID();\n', GLOBALS],
    ['export const x = Math.random();\n', 'no-restricted-properties'],
    ["export const x = () => import('node:fs');\n", 'no-restricted-syntax'],
  ])(
    'refuses %j',
    async (text, rule) => {
      expect(await brokenRules(text, DOMAIN)).toContain(rule);
    },
    600_000,
  );

  it('takes what has no side', async () => {
    const text =
      "import { createHash } from 'node:crypto';\nimport { isIP } from 'node:net';\nimport { z } from 'zod';\n" +
      "export const x = () => [isIP('a'), z.string(), createHash('sha256'), Math.floor(1.5), new Map()];\n";
    expect(await brokenRules(text, 'libs/domain/errors/src/field-faults.ts')).toEqual([]);
  }, 600_000);
});

describe('lint anywhere', () => {
  const file = 'libs/adapters/redis/src/connect.ts';
  it.each<[string, string, string]>([
    [
      'a case that no switch names',
      "type Kind = 'a' | 'b';\nexport function x(kind: Kind): number {\n  switch (kind) {\n    case 'a': return 1;\n  }\n  return 2;\n}\n",
      '@typescript-eslint/switch-exhaustiveness-check',
    ],
    [
      'a default in the place of a case',
      "type Kind = 'a' | 'b';\nexport function x(kind: Kind): number {\n  switch (kind) {\n    case 'a': return 1;\n    default: return 2;\n  }\n}\n",
      '@typescript-eslint/switch-exhaustiveness-check',
    ],
    [
      'a promise that nobody waits for',
      'async function work(): Promise<void> {}\nexport function x(): void {\n  work();\n}\n',
      '@typescript-eslint/no-floating-promises',
    ],
    [
      'a promise as a condition',
      'async function work(): Promise<boolean> { return true; }\nexport function x(): number {\n  return work() ? 1 : 2;\n}\n',
      '@typescript-eslint/no-misused-promises',
    ],
    [
      'an import across apps',
      "import * as app from '@tollgate/gateway';\nexport const x = app;\n",
      '@nx/enforce-module-boundaries',
    ],
  ])(
    'refuses %s',
    async (_what, text, rule) => {
      expect(await brokenRules(text, file)).toContain(rule);
    },
    600_000,
  );
});

describe('lint in a service', () => {
  const file = 'apps/usage-billing/src/store/gateway-instances.ts';
  it.each<[string, string, string]>([
    [
      'the pool itself as what is injected',
      "import { DataSource } from 'typeorm';\nexport class X {\n  constructor(readonly pool: DataSource) {}\n}\n",
      IMPORTS,
    ],
    [
      'a statement on the pool',
      "import type { Database } from '@tollgate/postgres';\nexport const x = (database: Database) => database.dataSource.query('SELECT 1');\n",
      'no-restricted-syntax',
    ],
    [
      'the pool taken out of the database',
      "import type { Database } from '@tollgate/postgres';\nexport const x = ({ dataSource }: Database) => dataSource;\n",
      'no-restricted-syntax',
    ],
  ])(
    'refuses %s',
    async (_what, text, rule) => {
      expect(await brokenRules(text, file)).toContain(rule);
    },
    600_000,
  );

  it('takes the pool for the database of the service', async () => {
    const text =
      "import { ServiceDatabase, type Database } from '@tollgate/postgres';\n" +
      "export const x = (database: Database) => new ServiceDatabase(database.dataSource, 'billing');\n";
    expect(await brokenRules(text, file)).toEqual([]);
  }, 600_000);
});
