// Tells the directory of an object's metrics while it is used: with the first call of a life, since
// it may be the only one, and then now and then. Owns how often; what was counted since the last
// report is lost when the object is ended.

import { messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';
import { samplesOf } from '../metrics/samples.ts';
import { type Report, type Reported, reportCharsMax } from './reports.ts';

export interface ReporterOptions {
  sender: string;
  /** Another one for each object that is made. */
  life: string;
  startedMs: number;
  /** The text of the object's registry. */
  metrics: () => Promise<string>;
  send: (report: Report) => Promise<Reported>;
  log: Logger;
}

/** A tenant that pushes once a second has one call and one row more in thirty pushes. */
export const reportIntervalMs = 30_000;

export class Reporter {
  readonly #options: ReporterOptions;
  #sequence = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Reports when it is time to. Never rejects: the next report says it all. */
  async report(nowMs: number): Promise<void> {
    if (nowMs < this.#reportedAtMs + reportIntervalMs && nowMs >= this.#reportedAtMs) return;
    const isFirst = this.#sequence === 0;
    this.#reportedAtMs = nowMs;
    this.#sequence++;
    const { sender, life, startedMs, metrics, send, log } = this.#options;
    const sequence = this.#sequence;
    try {
      const { text, leftOut } = samplesOf(await metrics(), reportCharsMax);
      const answer = await send({ sender, life, startedMs, sequence, samples: text });
      if (!isFirst) return;
      if (answer === 'full') log.warn('metrics of this object have no place in the sums');
      if (leftOut.length > 0)
        log.warn('metrics too long for a report', { metrics: leftOut.join() });
    } catch (error) {
      log.warn('metrics were not reported, the next report has them', { error: messageOf(error) });
    }
  }
}
