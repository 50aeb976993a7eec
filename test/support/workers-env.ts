// The bindings that `vitest.workers.config.ts` gives to suites inside workerd.
import { env } from 'cloudflare:workers';
import type { R2Binding } from '../../src/bucket/r2.ts';

export interface WorkersEnv {
  BUCKET: R2Binding;
}

export const workersEnv = env as WorkersEnv;
