// The JSON encoding of an OTLP profiles request. Fields have names here, so that both layouts are
// one. Owns the bounds on the text before it is parsed; unknown fields are ignored, as OTLP asks.
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
import { Failure, messageOf } from '../errors.ts';
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
  type OtlpSample,
  type OtlpScope,
  type OtlpType,
  otlpNumbersMax,
  otlpObjectsMax,
} from './otlp-model.ts';

/** Text takes several times its size in memory while it is parsed. */
export const otlpJsonBytesMax = 32 << 20;

const openBrace = 0x7b;
const openBracket = 0x5b;
const comma = 0x2c;

/** Throws `invalid` for what is not such a request, or holds more than its bounds allow. */
export function decodeOtlpJson(bytes: Uint8Array): OtlpRequest {
  if (bytes.length > otlpJsonBytesMax) {
    throw new Failure('invalid', `json is ${bytes.length} bytes, limit ${otlpJsonBytesMax}`);
  }
  assertCounts(bytes);
  const root = asObject(parse(bytes), 'request');
  const budget = new OtlpBudget();
  const resources = listField(root, 'resourceProfiles').map((one) => {
    budget.object();
    const object = asObject(one, 'resourceProfiles');
    const resource = objectField(object, 'resource') ?? {};
    const scopes = listField(object, 'scopeProfiles').map((scope) =>
      readScope(asObject(scope, 'scopeProfiles'), budget),
    );
    return { attributes: jsonAttributes(resource, budget), scopes };
  });
  const dictionary = objectField(root, 'dictionary');
  return {
    resources,
    dictionary: dictionary === undefined ? undefined : jsonDictionary(dictionary, budget),
  };
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
  for (const byte of bytes) {
    if (byte === openBrace || byte === openBracket) objects += 1;
    else if (byte === comma) elements += 1;
  }
  if (objects > otlpObjectsMax) {
    throw new Failure('invalid', `json holds ${objects} objects, limit ${otlpObjectsMax}`);
  }
  if (elements > otlpNumbersMax) {
    throw new Failure('invalid', `json holds ${elements} elements, limit ${otlpNumbersMax}`);
  }
}

function readScope(object: JsonObject, budget: OtlpBudget): OtlpScope {
  budget.object();
  const scope = objectField(object, 'scope') ?? {};
  const profiles = listField(object, 'profiles').map((one) =>
    readProfile(asObject(one, 'profiles'), budget),
  );
  return { attributes: jsonAttributes(scope, budget), profiles };
}

function readProfile(object: JsonObject, budget: OtlpBudget): OtlpProfile {
  budget.object();
  // Ignoring them as unknown would store nothing and say so to nobody.
  if (fieldOf(object, 'sample') !== undefined) throw olderLayout();
  const samples = listField(object, 'samples').map((one) =>
    readSample(asObject(one, 'samples'), budget),
  );
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
