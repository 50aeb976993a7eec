// Profiles and pushes that the rows of the wire table send.
import { gzip } from '../../../src/runtime/gzip.ts';
import { encodePprof, type PprofInput } from '../../fixtures/pprof-writer.ts';
import { Writer } from '../../fixtures/protobuf.ts';
import { encodePush } from '../../support/http-push.ts';
import type { WireClock } from './row.ts';

export const labels: Readonly<Record<string, string>> = {
  __name__: 'process_cpu',
  service_name: 'shop',
};

/** A good profile of one sample, taken now. */
export function good({ nowMs }: WireClock): PprofInput & { timeNs: bigint } {
  return {
    sampleTypes: [['cpu', 'nanoseconds']],
    samples: [{ locations: [1], values: [7] }],
    locations: [{ id: 1, lines: [{ function: 1 }] }],
    functions: [{ id: 1, name: 'main' }],
    periodType: ['cpu', 'nanoseconds'],
    period: 1,
    timeNs: BigInt(nowMs) * 1_000_000n,
  };
}

/** The good profile with some of it replaced. */
export function pprof(clock: WireClock, parts: Partial<PprofInput> = {}): Uint8Array<ArrayBuffer> {
  return encodePprof({ ...good(clock), ...parts });
}

/** The good profile with a field more at its end: the last scalar wins, a repeated one grows. */
export function pprofWith(clock: WireClock, write: (out: Writer) => void): Uint8Array {
  const tail = new Writer();
  write(tail);
  return joined(pprof(clock), tail.finish());
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A push of one series. */
export function pushOf(
  profile: Uint8Array,
  given: Readonly<Record<string, string>> = labels,
): Uint8Array<ArrayBuffer> {
  return encodePush([{ labels: given, profiles: [profile] }]);
}

/** A push whose labels are pairs, so that a name can come twice. */
export function pushOfPairs(
  profile: Uint8Array,
  pairs: readonly (readonly [name: string | Uint8Array, value: string | Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const series = new Writer();
  for (const [name, value] of pairs) {
    const label = new Writer();
    for (const [at, text] of [name, value].entries()) {
      if (typeof text === 'string') label.string(at + 1, text);
      else label.bytes(at + 1, text);
    }
    series.message(1, label);
  }
  series.message(2, new Writer().bytes(1, profile));
  return new Writer().message(1, series).finish();
}

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The profile with a string behind it that no reader knows: so many bytes in all. */
export function padded(profile: Uint8Array, bytes: number): Uint8Array<ArrayBuffer> {
  const head = 6;
  const length = bytes - profile.length - head;
  const tag = [0xa2, 0x06];
  const size = [0, 7, 14, 21].map((by) => ((length >> by) & 0x7f) | (by < 21 ? 0x80 : 0));
  return joined(profile, Uint8Array.from([...tag, ...size]), new Uint8Array(length));
}

const bombs = new Map<number, Uint8Array<ArrayBuffer>>();

/** Makes a thousandth of what a request may hold, which inflates to a byte more than that. */
export function gzipBomb({ requestBytesMax }: WireClock): () => Uint8Array<ArrayBuffer> {
  return () => {
    const known = bombs.get(requestBytesMax);
    if (known !== undefined) return known;
    const bomb = gzip(new Uint8Array(requestBytesMax + 1)) as Uint8Array<ArrayBuffer>;
    bombs.set(requestBytesMax, bomb);
    return bomb;
  };
}
