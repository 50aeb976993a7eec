// The binary encoding of an OTLP profiles request, in either layout. Owns the published field
// numbers of everything but `Sample` (`otlp-layout.ts`); unknown fields are ignored, as OTLP asks.
// https://github.com/open-telemetry/opentelemetry-proto (profiles/v1development)
import { MessageReader } from '../lib/protobuf-message.ts';
import type { Steps } from '../lib/steps.ts';
import { readAttributes } from './otlp-binary-attributes.ts';
import { readDictionary } from './otlp-binary-dictionary.ts';
import { decideLayout, type SampleLayout } from './otlp-layout.ts';
import {
  emptyDictionary,
  noIndexes,
  OtlpBudget,
  type OtlpProfile,
  type OtlpRequest,
  type OtlpResource,
  type OtlpSample,
  type OtlpScope,
  type OtlpType,
} from './otlp-model.ts';

/** Throws `invalid` for what is not such a request, or holds more than its bounds allow. */
export function* decodeOtlpBinary(bytes: Uint8Array, isNamed = false): Steps<OtlpRequest> {
  const layout = yield* decideLayout(bytes, isNamed);
  const budget = new OtlpBudget();
  const request: OtlpRequest = { resources: [], dictionary: undefined };
  const reader = new MessageReader(bytes);
  while (reader.next()) {
    if (budget.isDue(0)) yield;
    if (reader.field === 1) {
      budget.object();
      request.resources.push(yield* readResource(reader.message(), layout, budget));
    } else if (reader.field === 2) {
      request.dictionary ??= emptyDictionary();
      yield* readDictionary(reader.message(), request.dictionary, budget);
    }
  }
  return request;
}

function* readResource(
  reader: MessageReader,
  layout: SampleLayout,
  budget: OtlpBudget,
): Steps<OtlpResource> {
  const resource: OtlpResource = { attributes: [], scopes: [] };
  while (reader.next()) {
    if (budget.isDue(0)) yield;
    if (reader.field === 1) yield* readAttributes(reader.message(), 1, resource.attributes, budget);
    else if (reader.field === 2) {
      budget.object();
      resource.scopes.push(yield* readScope(reader.message(), layout, budget));
    }
  }
  return resource;
}

function* readScope(
  reader: MessageReader,
  layout: SampleLayout,
  budget: OtlpBudget,
): Steps<OtlpScope> {
  const scope: OtlpScope = { attributes: [], profiles: [] };
  while (reader.next()) {
    if (budget.isDue(0)) yield;
    if (reader.field === 1) yield* readAttributes(reader.message(), 3, scope.attributes, budget);
    else if (reader.field === 2) {
      budget.object();
      scope.profiles.push(yield* readProfile(reader.message(), layout, budget));
    }
  }
  return scope;
}

function* readProfile(
  reader: MessageReader,
  layout: SampleLayout,
  budget: OtlpBudget,
): Steps<OtlpProfile> {
  const profile: OtlpProfile = {
    sampleType: undefined,
    samples: [],
    timeNs: 0n,
    durationNs: 0n,
    periodType: undefined,
    period: 0n,
  };
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        profile.sampleType = readType(reader.message());
        break;
      case 2:
        budget.object();
        profile.samples.push(readSample(reader.message(), layout, budget));
        if (budget.isDue(reader.end - reader.start)) yield;
        break;
      case 3:
        profile.timeNs = reader.fixed64();
        break;
      case 4:
        profile.durationNs = reader.unsigned();
        break;
      case 5:
        profile.periodType = readType(reader.message());
        break;
      case 6:
        profile.period = reader.signed();
        break;
      default:
    }
  }
  return profile;
}

function readType(reader: MessageReader): OtlpType {
  const type: OtlpType = { type: 0, unit: 0 };
  while (reader.next()) {
    if (reader.field === 1) type.type = reader.row();
    else if (reader.field === 2) type.unit = reader.row();
  }
  return type;
}

function readSample(reader: MessageReader, layout: SampleLayout, budget: OtlpBudget): OtlpSample {
  let stack = 0;
  let link = 0;
  let attributes: number[] | undefined;
  let value: bigint | undefined;
  let timestampCount = 0;
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) stack = reader.row();
    else if (field === layout.attributes) {
      const list = attributes ?? [];
      attributes = list;
      reader.eachRow((index) => {
        budget.number();
        list.push(index);
      });
    } else if (field === layout.link) link = reader.row();
    else if (field === layout.values) {
      reader.eachSigned((one) => {
        budget.number();
        value = (value ?? 0n) + one;
      });
    } else if (field === 5) timestampCount += reader.fixed64Count();
  }
  return { stack, attributes: attributes ?? noIndexes, link, value, timestampCount };
}
