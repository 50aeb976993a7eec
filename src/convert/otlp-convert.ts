// An OTLP profiles request becomes the profiles that are pushed: labels from resource and scope,
// one pprof for each service. Owns the service's name and the bounds on the whole; what is wrong
// with one profile refuses that profile, not its neighbours.
import { Failure, isFailure } from '../errors.ts';
import { Pace, type Steps } from '../lib/steps.ts';
import { type Label, labelNames, unknownService } from '../model/labels.ts';
import {
  emptyDictionary,
  type OtlpAttribute,
  type OtlpDictionary,
  type OtlpProfile,
  type OtlpRequest,
  otlpProfilesMax,
} from './otlp-model.ts';
import { writePprof } from './otlp-pprof.ts';
import { type GroupedSample, samplesByService } from './otlp-samples.ts';
import { SymbolCheck } from './otlp-symbols.ts';
import { addLabel, assertAttributeCount, textOf } from './otlp-tables.ts';
import { type StoredType, storedType } from './otlp-types.ts';
import type { PprofHead } from './pprof-writer.ts';

export interface ConvertOptions {
  /** Attributes of the resource that may name the service, the first that is there wins. */
  serviceNameAttributes: readonly string[];
  /** All pprofs of the request together. */
  bytesMax: number;
  /** One of them. */
  profileBytesMax: number;
}

/** One profile of the request, counted from 0 over all resources and scopes. */
export interface OtlpOutcome {
  index: number;
  /** Empty for a profile without samples, and for one that is refused. */
  pushed: { labels: Label[]; body: Uint8Array<ArrayBuffer> }[];
  /** Why it is refused. */
  failure?: Failure;
}

const executableKey = 'process.executable.name';
/** What the standard gives a profile that does not tell: such profiles are ten seconds long. */
const durationNsDefault = 10_000_000_000n;
/** Its attributes are put behind those of the resource. */
const unitsOfScope = 1_024;
const timeNsMax = 2n ** 63n - 1n;

interface Conversion extends ConvertOptions {
  tables: OtlpDictionary;
  symbols: SymbolCheck;
  /** Taken of `bytesMax`. */
  bytes: number;
  /** Taken of `otlpProfilesMax`. */
  profiles: number;
}

/**
 * Converts the profiles one after another, as the caller asks for them, and pauses (undefined)
 * where others may have their turn: each profile can be long work.
 * Throws `invalid` for a request that has no profiles at all, or more than the bounds allow.
 */
export function* convertOtlp(
  request: OtlpRequest,
  options: ConvertOptions,
): Generator<OtlpOutcome | undefined, void, undefined> {
  if (request.resources.length === 0) throw new Failure('invalid', 'no resource profiles received');
  const tables = request.dictionary ?? emptyDictionary();
  const symbols = new SymbolCheck(tables);
  const conversion: Conversion = { ...options, tables, symbols, bytes: 0, profiles: 0 };
  const pace = new Pace();
  let index = 0;
  for (const resource of request.resources) {
    const own = withAttributes([], resource.attributes, tables);
    for (const scope of resource.scopes) {
      if (scope.profiles.length === 0) continue;
      if (pace.spend(unitsOfScope)) yield;
      const labels = withAttributes(own, scope.attributes, tables);
      for (const profile of scope.profiles) {
        yield yield* convertProfile(
          index,
          profile,
          labels,
          conversion,
          request.dictionary !== undefined,
        );
        index += 1;
      }
    }
  }
}

function* convertProfile(
  index: number,
  profile: OtlpProfile,
  labels: readonly Label[] | Failure,
  conversion: Conversion,
  hasDictionary: boolean,
): Steps<OtlpOutcome> {
  if (profile.samples.length === 0) return { index, pushed: [] };
  try {
    if (!hasDictionary) throw new Failure('invalid', 'request has no dictionary');
    if (labels instanceof Failure) throw labels;
    return { index, pushed: yield* pushedOf(profile, labels, conversion) };
  } catch (error) {
    if (isFailure(error, 'invalid')) return { index, pushed: [], failure: error };
    throw error;
  }
}

function* pushedOf(
  profile: OtlpProfile,
  labels: readonly Label[],
  conversion: Conversion,
): Steps<OtlpOutcome['pushed']> {
  const { tables } = conversion;
  const type = storedType(profile, tables);
  const services = yield* samplesByService(profile, type.factor, tables);
  if (conversion.profiles + services.size > otlpProfilesMax) {
    throw new Failure('invalid', `request has more than ${otlpProfilesMax} profiles, the limit`);
  }
  conversion.profiles += services.size;
  const head = headOf(profile, type);
  const pushed: OtlpOutcome['pushed'] = [];
  for (const [service, samples] of services) {
    const bare = yield* conversion.symbols.bareMappings(samples);
    const body = yield* pprofOf(head, samples, bare, conversion);
    const name = service || serviceOf(labels, conversion.serviceNameAttributes);
    pushed.push({ labels: profileLabels(type.name, name, labels), body });
  }
  return pushed;
}

function* pprofOf(
  head: PprofHead,
  samples: readonly GroupedSample[],
  bare: ReadonlySet<number>,
  conversion: Conversion,
): Steps<Uint8Array<ArrayBuffer>> {
  const left = conversion.bytesMax - conversion.bytes;
  if (left <= 0) {
    const message = `profiles of the request are over ${conversion.bytesMax} bytes, the limit`;
    throw new Failure('invalid', message, { reason: 'profile_size_limit' });
  }
  const bytesMax = Math.min(conversion.profileBytesMax, left);
  // What fails was written up to its bound, and counts as that much: work is what is bounded.
  conversion.bytes += bytesMax;
  const body = yield* writePprof(head, samples, conversion.tables, bare, bytesMax);
  conversion.bytes -= bytesMax - body.length;
  return body;
}

function headOf(profile: OtlpProfile, type: StoredType): PprofHead {
  const { timeNs, durationNs } = profile;
  if (timeNs > timeNsMax) throw new Failure('invalid', `time_unix_nano ${timeNs} is over int64`);
  if (durationNs > timeNsMax) {
    throw new Failure('invalid', `duration_nano ${durationNs} is over int64`);
  }
  return {
    sampleTypes: [type.sampleType],
    ...(type.periodType && { periodType: type.periodType }),
    period: type.period,
    timeNs,
    durationNs: durationNs === 0n ? durationNsDefault : durationNs,
    defaultSampleType: type.sampleType.type,
  };
}

/** The names of our own win over attributes: they are what the profile is found by. */
function profileLabels(name: string, service: string, attributes: readonly Label[]): Label[] {
  const own = [
    { name: labelNames.name, value: name },
    { name: labelNames.serviceName, value: service },
    { name: labelNames.delta, value: 'false' },
    { name: labelNames.otel, value: 'true' },
  ];
  const isOwn = (label: Label) => own.some((one) => one.name === label.name);
  return [...own, ...attributes.filter((label) => !isOwn(label))];
}

function serviceOf(labels: readonly Label[], candidates: readonly string[]): string {
  const textFor = (key: string) => labels.find(({ name }) => name === key)?.value;
  for (const key of candidates) {
    const value = textFor(key);
    if (value !== undefined) return value;
  }
  const executable = textFor(executableKey);
  return executable === undefined ? unknownService : `${unknownService}:${executable}`;
}

/** Adds attributes to labels that may be shared: the first of each name wins. */
function withAttributes(
  before: readonly Label[] | Failure,
  attributes: readonly OtlpAttribute[],
  tables: OtlpDictionary,
): readonly Label[] | Failure {
  if (before instanceof Failure || attributes.length === 0) return before;
  try {
    assertAttributeCount(before.length + attributes.length);
    const labels = [...before];
    const names = new Set(before.map(({ name }) => name));
    for (const { key, value } of attributes) {
      if (value !== undefined) addLabel(labels, names, textOf(tables, key), textOf(tables, value));
    }
    return labels;
  } catch (error) {
    if (isFailure(error, 'invalid')) return error;
    throw error;
  }
}
