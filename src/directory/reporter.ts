// Tells the directory of an object's metrics while it is used: with the first calls of a life,
// since there may be no others, and then now and then. Owns how often; what was counted since the
// last report is lost when the object is ended.

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
/** Each of so many first calls of a life is reported: most lives of a quiet tenant have no more. */
export const eagerCalls = 8;

export class Reporter {
  readonly #options: ReporterOptions;
  #callCount = 0;
  #sequence = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #sending: Promise<void> | undefined;
  #isMoreDue = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /**
   * To be called after each call; reports when it is time to. While a report is on its way the
   * next one waits, and is one for all calls meanwhile. Never rejects: the next one says it all.
   */
  async report(nowMs: number): Promise<void> {
    const isEager = ++this.#callCount <= eagerCalls;
    const sinceMs = nowMs - this.#reportedAtMs;
    if (!isEager && sinceMs >= 0 && sinceMs < reportIntervalMs) return;
    this.#reportedAtMs = nowMs;
    this.#isMoreDue = true;
    this.#sending ??= this.#sendAll();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#isMoreDue) {
      this.#isMoreDue = false;
      await this.#send();
    }
    this.#sending = undefined;
  }

  async #send(): Promise<void> {
    const { sender, life, startedMs, metrics, send, log } = this.#options;
    const sequence = ++this.#sequence;
    try {
      const { text, leftOut } = samplesOf(await metrics(), reportCharsMax);
      const answer = await send({ sender, life, startedMs, sequence, samples: text });
      if (sequence > 1) return;
      if (answer === 'full') log.warn('metrics of this object have no place in the sums');
      if (leftOut.length > 0)
        log.warn('metrics too long for a report', { metrics: leftOut.join() });
    } catch (error) {
      log.warn('metrics were not reported, the next report has them', { error: messageOf(error) });
    }
  }
}
