import { defineConfig } from 'vitest/config';

// Only the custom condition and `node`: listing `import` or `module` here makes CommonJS require()
// pick ESM entry points, and `require('pg')` breaks.
const resolve = { conditions: ['@tollgate/source', 'node'] };
const project = (name: string, include: string[], extra: object = {}) => ({
  ssr: { resolve },
  test: { name, environment: 'node' as const, include, globals: false, ...extra },
});

// Servers for the projects that need real ones; under `npm test` they are there already.
const globalSetup = ['test/infra/src/vitest-global-setup.ts'];

export default defineConfig({
  test: {
    projects: [
      project('unit', ['{apps,libs/*,test}/*/src/**/*.spec.ts'], { pool: 'threads' }),
      project('adapter', ['test/contract/src/**/*.test.ts', '{apps,libs/*}/*/src/**/*.test.ts'], {
        globalSetup,
        testTimeout: 30_000,
        hookTimeout: 60_000,
      }),
      project('journey', ['test/journey/src/**/*.test.ts'], {
        globalSetup,
        testTimeout: 60_000,
        maxConcurrency: 16,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
      project('fault', ['test/fault/src/**/*.test.ts'], {
        globalSetup,
        testTimeout: 180_000,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
    ],
  },
});
