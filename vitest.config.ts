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
    // A busy machine takes four times what a quiet one does: this is for what hangs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
