// Who tells the directory of the metrics of one object, from when it is made.
import type { Settings } from '../config/settings.ts';
import { Reporter } from '../directory/reporter.ts';
import { directoryOf } from './object-directory.ts';
import { type WorkerEnv, workerLogger } from './object-platform.ts';

/** The reporter of an object that was made just now; `sender` names it in every life. */
export function reporterOf(
  env: WorkerEnv,
  settings: Settings,
  sender: string,
  metrics: () => Promise<string>,
): Reporter {
  return new Reporter({
    sender,
    life: crypto.randomUUID(),
    startedMs: Date.now(),
    metrics,
    send: directoryOf(env.DIRECTORY).takeReport,
    log: workerLogger(settings),
  });
}
