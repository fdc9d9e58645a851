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

/**
 * Two stages run side by side, and the machine may have more to do: a test that takes long has not failed. Some compute
 * for seconds on a machine that has nothing else to do.
 */
const patient = { testTimeout: 300_000, hookTimeout: 300_000, expect: { poll: { timeout: 30_000 } } };
const specs = '{apps,libs/*,test}/*/src/**/*.spec.ts';
const mocking = '{apps,libs/*,test}/*/src/**/*.mocked.spec.ts';

export default defineConfig({
  test: {
    // On two cores vitest would take one. Most files wait more than they compute.
    maxWorkers: 2,
    projects: [
      // Files of one worker share what they have loaded: to load Nest for each takes longer than most of them run.
      project('unit', [specs], { pool: 'threads', isolate: false, exclude: [mocking], ...patient }),
      // Those that put something in the place of a module would leave it there for the next. And where all timers are
      // replaced, what files before have left under way (an idle connection, say) would get the false ones.
      project('unit-mocked', [mocking], { pool: 'threads', ...patient }),
      project('adapter', ['test/contract/src/**/*.test.ts', '{apps,libs/*}/*/src/**/*.test.ts'], {
        globalSetup,
        setupFiles: ['test/infra/src/vitest-not-at-midnight.ts'],
        ...patient,
      }),
      project('journey', ['test/journey/src/**/*.test.ts'], {
        globalSetup,
        ...patient,
        maxConcurrency: 16,
      }),
      project('clients', ['test/clients/src/**/*.test.ts'], {
        globalSetup,
        ...patient,
        maxConcurrency: 16,
      }),
      // Renders the chart and the manifests; nothing runs but Helm and a linter.
      project('deploy', ['test/deploy/src/**/*.test.ts'], {
        globalSetup: ['test/deploy/src/tools/fetch-tools.ts'],
        testTimeout: 300_000,
        hookTimeout: 900_000,
      }),
      // `npm run test:kubernetes`: on an API server, which takes long to build.
      project('kubernetes', ['test/deploy/src/**/*.cluster.ts'], {
        testTimeout: 180_000,
        hookTimeout: 5_400_000,
        fileParallelism: false,
      }),
      project('fault', ['test/fault/src/**/*.test.ts'], {
        globalSetup,
        ...patient,
        fileParallelism: false,
      }),
    ],
  },
});
