// The JSON encoding of an OTLP profiles request. Fields have names here, so that both layouts are
// one. Owns the bounds on the text before it is parsed; unknown fields are ignored, as OTLP asks.
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
import { Failure, messageOf } from '../errors.ts';
import type { Steps } from '../lib/steps.ts';
import { jsonAttributes } from './otlp-json-attributes.ts';
import { jsonDictionary } from './otlp-json-dictionary.ts';
import {
  asIndex,
  asInt64,
  asObject,
  fieldOf,
  indexField,
  int64Field,
  type JsonObject,
  listField,
  objectField,
  uint64Field,
} from './otlp-json-fields.ts';
import { olderLayout } from './otlp-layout.ts';
import {
  OtlpBudget,
  type OtlpProfile,
  type OtlpRequest,
  type OtlpResource,
  type OtlpSample,
  type OtlpScope,
  type OtlpType,
} from './otlp-model.ts';

/** Text is parsed at once, and takes several times its size in memory meanwhile. */
export const otlpJsonBytesMax = 4 << 20;
/** Of both, the parser makes some ten a microsecond. */
const jsonObjectsMax = 1 << 17;
const jsonElementsMax = 1 << 19;

/** What a field or an element of a list takes. */
const unitsOfElement = 32;

const openBrace = 0x7b;
const openBracket = 0x5b;
const comma = 0x2c;

/** Throws `invalid` for what is not such a request, or holds more than its bounds allow. */
export function* decodeOtlpJson(bytes: Uint8Array): Steps<OtlpRequest> {
  if (bytes.length > otlpJsonBytesMax) {
    throw new Failure('invalid', `json is ${bytes.length} bytes, limit ${otlpJsonBytesMax}`);
  }
  assertCounts(bytes);
  const root = asObject(parse(bytes), 'request');
  yield;
  const budget = new OtlpBudget();
  const resources: OtlpResource[] = [];
  for (const one of listField(root, 'resourceProfiles')) {
    budget.object();
    resources.push(yield* readResource(asObject(one, 'resourceProfiles'), budget));
  }
  const dictionary = objectField(root, 'dictionary');
  return {
    resources,
    dictionary: dictionary === undefined ? undefined : yield* jsonDictionary(dictionary, budget),
  };
}

function* readResource(object: JsonObject, budget: OtlpBudget): Steps<OtlpResource> {
  const resource = objectField(object, 'resource') ?? {};
  const scopes: OtlpScope[] = [];
  for (const scope of listField(object, 'scopeProfiles')) {
    scopes.push(yield* readScope(asObject(scope, 'scopeProfiles'), budget));
  }
  if (budget.isDue(0)) yield;
  return { attributes: jsonAttributes(resource, budget), scopes };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    const message = `request is not json: ${messageOf(error)}`;
    throw new Failure('invalid', message, { cause: error });
  }
}

/** What the parser would allocate, before it does; texts count with what is in them. */
function assertCounts(bytes: Uint8Array): void {
  let objects = 0;
  let elements = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === openBrace || byte === openBracket) objects += 1;
    else if (byte === comma) elements += 1;
  }
  if (objects > jsonObjectsMax) {
    throw new Failure('invalid', `json holds ${objects} objects, limit ${jsonObjectsMax}`);
  }
  if (elements > jsonElementsMax) {
    throw new Failure('invalid', `json holds ${elements} elements, limit ${jsonElementsMax}`);
  }
}

function* readScope(object: JsonObject, budget: OtlpBudget): Steps<OtlpScope> {
  budget.object();
  const scope = objectField(object, 'scope') ?? {};
  const profiles: OtlpProfile[] = [];
  for (const one of listField(object, 'profiles')) {
    profiles.push(yield* readProfile(asObject(one, 'profiles'), budget));
  }
  if (budget.isDue(0)) yield;
  return { attributes: jsonAttributes(scope, budget), profiles };
}

function* readProfile(object: JsonObject, budget: OtlpBudget): Steps<OtlpProfile> {
  budget.object();
  // Ignoring them as unknown would store nothing and say so to nobody.
  if (fieldOf(object, 'sample') !== undefined) throw olderLayout();
  const samples: OtlpSample[] = [];
  for (const one of listField(object, 'samples')) {
    const sample = readSample(asObject(one, 'samples'), budget);
    samples.push(sample);
    if (budget.isDue(unitsOfElement * (8 + sample.attributes.length))) yield;
  }
  return {
    sampleType: readType(object, 'sampleType'),
    samples,
    timeNs: uint64Field(object, 'timeUnixNano'),
    durationNs: uint64Field(object, 'durationNano'),
    periodType: readType(object, 'periodType'),
    period: int64Field(object, 'period'),
  };
}

function readType(object: JsonObject, name: string): OtlpType | undefined {
  if (Array.isArray(fieldOf(object, name))) throw olderLayout();
  const type = objectField(object, name);
  if (type === undefined) return undefined;
  return { type: indexField(type, 'typeStrindex'), unit: indexField(type, 'unitStrindex') };
}

function readSample(object: JsonObject, budget: OtlpBudget): OtlpSample {
  budget.object();
  const values = listField(object, 'values');
  const attributes = listField(object, 'attributeIndices');
  return {
    stack: indexField(object, 'stackIndex'),
    attributes: attributes.map((one) => {
      budget.number();
      return asIndex(one, 'attributeIndices');
    }),
    link: indexField(object, 'linkIndex'),
    value:
      values.length === 0
        ? undefined
        : values.reduce<bigint>((sum, one) => sum + asInt64(one, 'values'), 0n),
    timestampCount: listField(object, 'timestampsUnixNano').length,
  };
}
