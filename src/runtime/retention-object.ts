// Retention of the bucket on Workers: one Durable Object, called by the cron trigger. Owns its
// life; what waits for its second step is in its storage, since it is ended between two runs.
import { DurableObject } from 'cloudflare:workers';
import { createLoneRetention, type LoneRetention } from '../app/bucket-retention.ts';
import { DurableMap } from '../directory/durable-map.ts';
import type { Reporter } from '../directory/reporter.ts';
import type { ObjectStorage } from '../wal/durable-object-table.ts';
import { type WorkerEnv, workerLogger, workerPlatform, workerSettings } from './object-platform.ts';
import { reporterOf } from './object-reporter.ts';
import { workerBucket } from './worker-bucket.ts';

/** There is one. */
const retentionName = 'all';

/** Does what is due by now. Does not even call the object when retention is off. */
export async function runRetention(env: WorkerEnv, nowMs: number): Promise<void> {
  if (workerSettings(env).retentionBucketAge === 'off') return;
  const { RETENTION } = env;
  await RETENTION.get(RETENTION.idFromName(retentionName)).run(nowMs);
}

export class RetentionObject extends DurableObject {
  readonly #retention: LoneRetention;
  readonly #reporter: Reporter;

  constructor(context: unknown, env: unknown) {
    super(context, env);
    const { storage } = context as { readonly storage: ObjectStorage };
    const bindings = env as WorkerEnv;
    const settings = workerSettings(bindings);
    this.#retention = createLoneRetention({
      bucket: workerBucket(bindings, settings.bucket),
      settings,
      platform: workerPlatform(),
      memory: new DurableMap(storage, 'notes'),
      log: workerLogger(settings),
    });
    const { registry } = this.#retention.metrics;
    this.#reporter = reporterOf(bindings, settings, 'retention', () => registry.metrics());
  }

  /** Resolves when the run has ended; what is left waits for the next one. */
  async run(nowMs: number): Promise<void> {
    await this.#retention.run(nowMs);
    await this.#reporter.report(Date.now());
  }
}
