// One row of the wire table: a request, what it must be answered, and what is stored of it. A row
// is data, so that every runtime is asked the same; `suite.ts` asks.

export interface WireRow {
  /** Section of the protocol notes, or `own` for what is phlox's alone; then what it is about. */
  title: string;
  path: string;
  /** Default POST. */
  method?: string;
  headers?: Readonly<Record<string, string>>;
  /** A function where it is large to make. */
  body?: Uint8Array | string | (() => Uint8Array);
  /** Default: one of its own for each row. `null`: the header is not sent. */
  tenant?: string | null;
  status: number;
  /** Connect's name of the error. */
  code?: string;
  /** What the error's text must say. */
  message?: RegExp;
  /** The answer's body: exact. */
  answer?: string;
  answerHeaders?: Readonly<Record<string, string | RegExp | null>>;
  /**
   * Labels of what is stored, each series as `name=value` joined by commas, of the labels that are
   * listed here only. Default: nothing is stored.
   */
  stored?: readonly string[];
  /** Reason that the refusal is counted under. */
  reason?: string;
  /** How many profiles are counted under it; default 1. */
  discarded?: number;
  /** It moves a quarter of a gigabyte: asked of real servers alone. */
  isLarge?: boolean;
  /** Where Pyroscope answers otherwise: what it does, and why this is right. */
  deviation?: string;
}

/** What rows are made of: what differs between a test's app, a server and a Worker. */
export interface WireClock {
  nowMs: number;
  /** What a body may inflate to: workerd has less memory than a machine. */
  requestBytesMax: number;
}

export const pushPath = '/push.v1.PusherService/Push';
export const asProto = { 'content-type': 'application/proto' };
export const asJson = { 'content-type': 'application/json' };

/** Tenants with limits of their own: rows that need a small one name them. */
export const wireLimits = {
  overrides: {
    'wire-rate': { ingestBytesPerSecond: 1, ingestBurstBytes: '5MiB' },
    'wire-series': { seriesMax: 1 },
    'wire-series-ingest': { seriesMax: 1 },
    'wire-series-otlp': { seriesMax: 1 },
    'wire-series-order': { seriesMax: 1 },
    'wire-batch': { pushBytesMax: '1MiB', profileBytesMax: '600KiB' },
  },
};
