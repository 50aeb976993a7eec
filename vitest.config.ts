// How the suites run. One configuration for Node, Bun and Deno; `test/global-setup.ts` prints what
// a run leaves out.
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These run inside workerd: `vitest.workers.config.ts`.
    exclude: [...configDefaults.exclude, 'test/workers/**'],
    globalSetup: ['test/global-setup.ts'],
    // Suites start servers and child processes: on small machines more would only queue.
    maxWorkers: 2,
    // The files of a worker share what they import: no module here keeps state for its tests, and
    // importing everything anew for each file would take longer than most of them run.
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
