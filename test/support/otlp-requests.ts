// OTLP requests for tests: the captured ones of `test/fixtures/otlp`, small ones written field by
// field in either layout, and what a conversion makes of them in words. No expectations.
import { readFileSync } from 'node:fs';
import { convertOtlp, type OtlpOutcome } from '../../src/convert/otlp-convert.ts';
import type { OtlpRequest } from '../../src/convert/otlp-model.ts';
import { collect } from '../../src/lib/steps.ts';
import { Writer } from '../fixtures/protobuf.ts';
import { decodeWire } from './wire-pprof.ts';

export const otlpPath = '/v1development/profiles';
export const grpcPath =
  '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export';

/** `shop-1.9.binpb` and the like. */
export function otlpFixture(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../fixtures/otlp/${file}`, import.meta.url)));
}

export const convertOptions = {
  serviceNameAttributes: ['service.name'],
  bytesMax: 1 << 24,
  profileBytesMax: 1 << 22,
};

export function convertAll(
  request: OtlpRequest,
  options: Partial<typeof convertOptions> = {},
): OtlpOutcome[] {
  return collect(convertOtlp(request, { ...convertOptions, ...options }));
}

/** One profile of an outcome, spelt out. */
export function readPushed({ labels, body }: OtlpOutcome['pushed'][number]) {
  const profile = decodeWire(body);
  const text = (index: bigint) => profile.stringTable.strings[Number(index)] ?? '';
  const functions = new Map(profile.function.map((one) => [one.id, one]));
  const locations = new Map(profile.location.map((one) => [one.id, one]));
  const frames = (id: bigint) => {
    const { line, address } = locations.get(id) ?? { line: [], address: 0n };
    const named = line.map(
      (one) => `${text(functions.get(one.functionId)?.name ?? 0n)}:${one.line}`,
    );
    return named.length > 0 ? named : [`0x${address.toString(16)}`];
  };
  return {
    labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])),
    types: profile.sampleType.map(({ type, unit }) => `${text(type)}:${text(unit)}`),
    period: profile.period,
    timeNs: profile.timeNanos,
    durationNs: profile.durationNanos,
    defaultType: text(profile.defaultSampleType),
    mappings: profile.mapping.map(({ filename, buildId, hasFunctions, memoryStart }) => {
      return [text(filename), text(buildId), hasFunctions, memoryStart];
    }),
    samples: profile.sample.map(({ locationId, value, label }) => ({
      stack: locationId.flatMap(frames).join(' '),
      value: value.map((one) => BigInt.asIntN(64, one)),
      labels: Object.fromEntries(label.map(({ key, str }) => [text(key), text(str)])),
    })),
  };
}

/** Strings of `tinyRequest`, whose places are known. */
export const tinyStrings = [
  '',
  'samples',
  'count',
  'cpu',
  'nanoseconds',
  'main',
  'thread',
  'worker',
  'off_cpu',
  'wall',
];

export interface TinyOptions {
  /** Each a message `Sample`. */
  samples?: readonly Writer[];
  /** Type and unit as places in `tinyStrings`. */
  sampleType?: readonly [number, number] | undefined;
  periodType?: readonly [number, number] | undefined;
  period?: number;
  /** Further attributes of the dictionary, after one that is there: `KeyValueAndUnit`. */
  attributes?: readonly Writer[];
  /** `KeyValue`s of the resource; its service is `shop` when there are none. */
  resource?: readonly Writer[];
  hasDictionary?: boolean;
}

/** A request of one profile of `samples:count`, with one stack (1) and one attribute (1). */
export function tinyRequest(options: TinyOptions = {}): Uint8Array<ArrayBuffer> {
  const out = new Writer().message(1, tinyResource([tinyProfile(options)], options.resource));
  if (options.hasDictionary !== false) out.message(2, tinyDictionary(options.attributes));
  return out.finish();
}

export function tinyResource(profiles: readonly Writer[], attributes?: readonly Writer[]): Writer {
  const scope = new Writer();
  for (const profile of profiles) scope.message(2, profile);
  const resource = new Writer();
  for (const one of attributes ?? [keyValue('service.name', text('shop'))])
    resource.message(1, one);
  return new Writer().message(1, resource).message(2, scope);
}

export function tinyProfile(options: TinyOptions = {}): Writer {
  const { samples = [sample19([1])], sampleType = [1, 2], periodType = [3, 4] } = options;
  const { period = 10 } = options;
  const profile = new Writer();
  if (!('sampleType' in options) || options.sampleType !== undefined) {
    profile.message(1, type(sampleType));
  }
  for (const one of samples) profile.message(2, one);
  if (!('periodType' in options) || options.periodType !== undefined) {
    profile.message(5, type(periodType));
  }
  return profile.number(6, period);
}

export function tinyDictionary(attributes: readonly Writer[] = []): Writer {
  const out = new Writer().message(1, new Writer()).message(2, new Writer());
  out.message(2, new Writer().message(3, new Writer().number(1, 1).number(2, 7)));
  out.message(3, new Writer()).message(3, new Writer().number(1, 5));
  out.message(4, new Writer());
  for (const one of tinyStrings) out.string(5, one);
  out.message(6, new Writer());
  out.message(6, new Writer().number(1, 6).message(2, text('worker')));
  for (const one of attributes) out.message(6, one);
  return out.message(7, new Writer()).message(7, new Writer().packed(1, [1]));
}

function type([name, unit]: readonly [number, number]): Writer {
  return new Writer().number(1, name).number(2, unit);
}

/** An `AnyValue` of text. */
export function text(value: string): Writer {
  return new Writer().string(1, value);
}

export function keyValue(key: string, value: Writer): Writer {
  return new Writer().string(1, key).message(2, value);
}

export interface SampleParts {
  attributes?: readonly number[];
  link?: number;
  timestamps?: number;
}

/** A sample of stack 1 in OTLP 1.9. */
export function sample19(values: readonly (number | bigint)[], parts: SampleParts = {}): Writer {
  const out = new Writer()
    .number(1, 1)
    .packed(2, values)
    .packed(3, parts.attributes ?? []);
  return timestamps(out.number(4, parts.link ?? 0), parts.timestamps);
}

/** The same in OTLP 1.10. */
export function sample110(values: readonly (number | bigint)[], parts: SampleParts = {}): Writer {
  const out = new Writer().number(1, 1).packed(2, parts.attributes ?? []);
  return timestamps(out.number(3, parts.link ?? 0).packed(4, values), parts.timestamps);
}

function timestamps(out: Writer, count = 0): Writer {
  return count === 0 ? out : out.bytes(5, new Uint8Array(8 * count).fill(1));
}
