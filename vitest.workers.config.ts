// How suites run inside workerd, the runtime of Cloudflare Workers: `npm run test:workers`. It
// needs no account and no network.

import { fileURLToPath } from 'node:url';
import { cloudflareTest } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';

/** Suites of the kernel that read no files. */
const kernelSuites = ['refusals', 'seal', 'sums', 'tables', 'tree-merge-rules'];

export default defineConfig({
  plugins: [
    cloudflareTest({
      main: 'test/workers/worker.ts',
      miniflare: {
        compatibilityDate: '2026-04-20',
        compatibilityFlags: ['nodejs_compat'],
        r2Buckets: ['BUCKET'],
        durableObjects: { STORAGE_OBJECT: { className: 'StorageObject', useSQLite: true } },
        modulesRules: [{ type: 'CompiledWasm', include: ['**/*.wasm'] }],
        // Otherwise it asks the network where it is.
        cf: false,
      },
    }),
  ],
  resolve: {
    // workerd compiles no bytes: it imports modules.
    alias: [
      {
        find: /^\.{1,2}\/(?:support\/)?kernel-modules\.ts$/,
        replacement: fileURLToPath(new URL('test/workers/kernel-modules.ts', import.meta.url)),
      },
      // As in `wrangler.toml`.
      {
        find: '@aws-sdk/xml-builder',
        replacement: fileURLToPath(
          new URL('node_modules/@aws-sdk/xml-builder/dist-cjs/index.js', import.meta.url),
        ),
      },
    ],
  },
  test: {
    include: [
      'test/workers/**/*.test.ts',
      ...kernelSuites.map((name) => `test/wasm/${name}.test.ts`),
      // Of zlib, which workerd has its own way with.
      'test/unit/runtime/gzip.test.ts',
      'test/unit/api/gunzip-in-turns.test.ts',
    ],
    globalSetup: 'test/workers/s3-setup.ts',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
