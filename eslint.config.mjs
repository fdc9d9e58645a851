import nx from '@nx/eslint-plugin';
import * as jsonc from 'jsonc-eslint-parser';
import tseslint from 'typescript-eslint';

/** Libraries whose rules are the same for whoever calls, whenever: no clock, no chance, no files, no network. */
const domain = ['libs/domain/*/src/**/*.ts'];
/** What tests alone use stands at the root; what the packages of Nest need beside them, in the apps that run. */
const developed = [
  'ajv',
  'tslib',
  'vitest',
  'fast-check',
  'smtp-server',
  'standardwebhooks',
  'oidc-provider',
  'eslint',
  'typescript',
  '@nestjs/testing',
  '@seriousme/openapi-schema-validator',
];
const peers = [
  'reflect-metadata',
  'rxjs',
  '@nestjs/core',
  '@nestjs/microservices',
  '@nestjs/platform-fastify',
  'fastify',
  '@lezer/highlight',
  '@lezer/lr',
];
const tests = ['**/*.spec.ts', '**/*.test.ts', 'libs/*/*/src/testing/**'];
const PURE = 'A domain library gets what it needs as arguments: its answers depend on nothing else.';
const TENANT = 'A service uses its ServiceDatabase: whatever else it asks, policies do not filter.';
/** Of `node:crypto`, what gives the same for the same. Secrets alone are made by chance. */
const SAME = ['hash', 'createHash', 'createHmac', 'hkdfSync', 'timingSafeEqual', 'verify', 'createPublicKey'];

const packages = {
  // Pure parts of Node.js, the workspace (whose tags another rule holds), zod, and what TypeScript emits.
  patterns: [{ regex: '^(?!\\.|@tollgate/|zod$|tslib$|node:crypto$|node:net$|node:zlib$)', message: PURE }],
  paths: [
    { name: 'node:net', allowImportNames: ['BlockList', 'SocketAddress', 'isIP', 'isIPv4', 'isIPv6'], message: PURE },
    { name: 'node:zlib', allowImportNames: ['crc32'], message: PURE },
  ],
};
const clocks = [
  'Date',
  'performance',
  'process',
  'fetch',
  'crypto',
  'console',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'WebSocket',
  'globalThis',
  'global',
  'require',
];

export default tseslint.config(
  {
    ignores: [
      'test/contract/releases/**',
      '**/dist/**',
      '**/node_modules/**',
      '.nx/**',
      '**/*.mts',
      '**/*.mjs',
      '.data/**',
      '.cache/**',
    ],
  },
  ...tseslint.configs.recommended,
  {
    plugins: { '@nx': nx },
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.eslint.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { requireDefaultForNonUnion: true, considerDefaultExhaustiveForUnions: false },
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      // What the formatter cannot break: comments. Texts may be longer.
      'max-len': [
        'error',
        { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreUrls: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: true,
          allow: [],
          depConstraints: [
            { sourceTag: 'type:domain', onlyDependOnLibsWithTags: ['type:domain'] },
            { sourceTag: 'type:server', onlyDependOnLibsWithTags: ['type:domain', 'type:server'] },
            { sourceTag: 'type:adapter', onlyDependOnLibsWithTags: ['type:domain', 'type:server', 'type:adapter'] },
            { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:domain', 'type:server', 'type:adapter'] },
            { sourceTag: 'type:test-server', onlyDependOnLibsWithTags: ['type:domain'] },
            {
              sourceTag: 'type:composition',
              onlyDependOnLibsWithTags: ['type:domain', 'type:server', 'type:adapter', 'type:app', 'type:test-server'],
            },
            { sourceTag: 'type:test', onlyDependOnLibsWithTags: ['*'] },
            // A service and what is made for it alone know nothing of the other services: they meet in contracts.
            { sourceTag: 'scope:gateway', onlyDependOnLibsWithTags: ['scope:gateway', 'scope:platform'] },
            { sourceTag: 'scope:keys', onlyDependOnLibsWithTags: ['scope:keys', 'scope:platform'] },
            { sourceTag: 'scope:billing', onlyDependOnLibsWithTags: ['scope:billing', 'scope:platform'] },
            { sourceTag: 'scope:scanning', onlyDependOnLibsWithTags: ['scope:scanning', 'scope:platform'] },
          ],
        },
      ],
    },
  },
  {
    files: domain,
    ignores: tests,
    rules: {
      'no-restricted-imports': [
        'error',
        { ...packages, paths: [...packages.paths, { name: 'node:crypto', allowImportNames: SAME, message: PURE }] },
      ],
      'no-restricted-globals': ['error', ...clocks.map((name) => ({ name, message: PURE }))],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: PURE }],
      'no-restricted-syntax': ['error', { selector: 'ImportExpression', message: PURE }],
    },
  },
  {
    // A statement on the pool itself runs as whoever has logged in, and says of no organisation. The pool is for making
    // a ServiceDatabase of it, and for readiness.
    files: ['apps/*/src/**/*.ts'],
    ignores: [...tests, '**/*-stage.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'typeorm', importNames: ['DataSource', 'createQueryBuilder'], message: TENANT }] },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector:
            ':not(NewExpression[callee.name="ServiceDatabase"], CallExpression[callee.name="showStores"]) > MemberExpression[property.name="dataSource"]',
          message: TENANT,
        },
        { selector: 'ObjectPattern > Property[key.name="dataSource"]', message: TENANT },
      ],
    },
  },
  {
    files: ['{apps,libs/*,test}/*/package.json'],
    languageOptions: { parser: jsonc },
    plugins: { '@nx': nx },
    rules: {
      // What a package imports stands in its package.json, and nothing else: the graph of projects is read from there.
      '@nx/dependency-checks': ['error', { ignoredDependencies: [...developed, ...peers] }],
    },
  },
  {
    // The SDKs that it tries are development dependencies, which this rule does not look at: nothing that runs has them.
    files: ['test/clients/package.json'],
    rules: {
      '@nx/dependency-checks': [
        'error',
        { ignoredDependencies: [...developed, ...peers], checkMissingDependencies: false },
      ],
    },
  },
  { files: ['libs/domain/api-key/src/secret.ts'], rules: { 'no-restricted-imports': ['error', packages] } },
);
