// An app with a limits file of its own, and profiles of any size to push at it.
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { type Answer, startApp, type TestApp } from './app.ts';
import { testStartMs } from './memory-platform.ts';
import { stamped } from './stamp.ts';

/** Of what `push` pushes, unless it is told otherwise. */
export const labels: Readonly<Record<string, string>> = {
  __name__: 'process_cpu',
  service_name: 'shop',
};

/** A pprof without a time. */
export const small = encodePprof({
  sampleTypes: [['cpu', 'nanoseconds']],
  samples: [{ locations: [1], values: [1] }],
  locations: [{ id: 1, lines: [{ function: 1 }] }],
  functions: [{ id: 1, name: 'main' }],
});

/** Where the limits file is. */
export const limitsPath = 'limits.json';

/** An app whose limits are those of `json`; undefined: no file. */
export function startLimited(
  json: object | undefined,
  file: Record<string, unknown> = {},
): Promise<TestApp> {
  const limits = json === undefined ? undefined : limitsPath;
  return startApp({}, { ...file, limits }, ({ files }) =>
    files.set(limitsPath, JSON.stringify(json)),
  );
}

/** `small`, taken at a time. */
export function at(timeMs: number): Uint8Array {
  return stamped(small, BigInt(timeMs) * 1_000_000n);
}

let serial = 0;

/** `bytes` of plain pprof, taken at the time at which apps start; each time another profile. */
export function sized(bytes: number): Uint8Array {
  const profile = at(testStartMs + serial++);
  // Field 100, a string that no reader knows.
  const length = bytes - profile.length - 6;
  const head = [0xa2, 0x06, ...[0, 7, 14, 21].map((by) => ((length >> by) & 0x7f) | 0x80)];
  head[5] = (head[5] as number) & 0x7f;
  const all = new Uint8Array(bytes);
  all.set(profile);
  all.set(head, profile.length);
  return all;
}

/** One series of profiles. */
export function push(
  test: TestApp,
  profiles: readonly Uint8Array[],
  tenant?: string,
  own: Readonly<Record<string, string>> = labels,
): Promise<Answer> {
  const headers = tenant === undefined ? {} : { 'x-scope-orgid': tenant };
  return test.push([{ labels: own, profiles }], headers);
}

/** What a refusal says. */
export function errorOf({ status, body, response }: Answer) {
  const { code, message } = JSON.parse(body) as { code: string; message: string };
  return { status, code, message, retryAfter: response.headers.get('retry-after') };
}

/** Profiles refused so far. */
export function discarded(test: TestApp, reason: string, tenant = 'anonymous'): Promise<number> {
  return test.metric(`pyroscope_discarded_samples_total{reason="${reason}",tenant="${tenant}"}`);
}
