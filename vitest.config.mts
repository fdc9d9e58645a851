import { defineConfig } from 'vitest/config';

// Only the custom condition and `node`: listing `import` or `module` here makes CommonJS require()
// pick ESM entry points, and `require('pg')` breaks.
const resolve = { conditions: ['@tollgate/source', 'node'] };
const project = (name: string, include: string[], extra: object = {}) => ({
  ssr: { resolve },
  test: { name, environment: 'node' as const, include, globals: false, ...extra },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', ['{apps,libs,test}/*/src/**/*.spec.ts'], { pool: 'threads' }),
      project('contract', ['test/contract/src/**/*.test.ts'], { testTimeout: 30_000, hookTimeout: 60_000 }),
      project('journey', ['test/journey/src/**/*.test.ts'], { testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: false }),
      project('fault', ['test/fault/src/**/*.test.ts'], { testTimeout: 180_000, hookTimeout: 120_000, fileParallelism: false }),
    ],
  },
});
