// Writes a request of the model as OTLP in either layout and in JSON. Kept apart from the
// decoders: field numbers and names are written down here a second time.
import type {
  OtlpAttribute,
  OtlpDictionary,
  OtlpProfile,
  OtlpRequest,
  OtlpSample,
  OtlpText,
  OtlpType,
} from '../../src/convert/otlp-model.ts';
import { Writer } from '../fixtures/protobuf.ts';

export type Layout = '1.9' | '1.10';

/** Samples of the request must tell the layout by themselves. */
export function encodeOtlp(request: OtlpRequest, layout: Layout): Uint8Array<ArrayBuffer> {
  const out = new Writer();
  for (const { attributes, scopes } of request.resources) {
    const resource = new Writer().message(1, attributed(1, attributes));
    for (const scope of scopes) {
      const one = new Writer().message(1, attributed(3, scope.attributes));
      for (const profile of scope.profiles) one.message(2, profileMessage(profile, layout));
      resource.message(2, one);
    }
    out.message(1, resource);
  }
  if (request.dictionary) out.message(2, dictionaryMessage(request.dictionary));
  return out.finish();
}

function attributed(field: number, attributes: readonly OtlpAttribute[]): Writer {
  const out = new Writer();
  for (const { key, value } of attributes) {
    const one = new Writer().number(3, key.strindex);
    if (key.text !== '') one.string(1, key.text);
    out.message(field, one.message(2, anyValue(value)));
  }
  return out;
}

function anyValue(value: OtlpText | undefined): Writer {
  if (value === undefined) return new Writer().element(2, 1);
  if (value.strindex > 0) return new Writer().number(8, value.strindex);
  return new Writer().string(1, value.text);
}

function typeMessage({ type, unit }: OtlpType): Writer {
  return new Writer().number(1, type).number(2, unit);
}

function profileMessage(profile: OtlpProfile, layout: Layout): Writer {
  const out = new Writer();
  if (profile.sampleType) out.message(1, typeMessage(profile.sampleType));
  for (const sample of profile.samples) out.message(2, sampleMessage(sample, layout));
  out.number(4, profile.durationNs).number(6, profile.period);
  if (profile.periodType) out.message(5, typeMessage(profile.periodType));
  return out.fixed64(3, profile.timeNs);
}

function sampleMessage(sample: OtlpSample, layout: Layout): Writer {
  const numbers = layout === '1.9' ? [2, 3, 4] : [4, 2, 3];
  const [values = 0, attributes = 0, link = 0] = numbers;
  const out = new Writer().number(1, sample.stack).packed(attributes, sample.attributes);
  if (sample.value !== undefined) out.packed(values, [sample.value]);
  out.number(link, sample.link);
  const count = sample.timestampCount;
  return count === 0 ? out : out.bytes(5, new Uint8Array(8 * count));
}

function dictionaryMessage(tables: OtlpDictionary): Writer {
  const out = new Writer();
  for (const { start, limit, offset, filename, attributes } of tables.mappings) {
    const one = new Writer().number(1, start).number(2, limit).number(3, offset);
    out.message(1, one.number(4, filename).packed(5, attributes));
  }
  for (const { mapping, address, lines } of tables.locations) {
    const one = new Writer().number(1, mapping).number(2, address);
    for (const line of lines) {
      one.message(3, new Writer().number(1, line.function).number(2, line.line));
    }
    out.message(2, one);
  }
  for (const { name, systemName, filename, startLine } of tables.functions) {
    const one = new Writer().number(1, name).number(2, systemName).number(3, filename);
    out.message(3, one.number(4, startLine));
  }
  for (const { traceId, spanId } of tables.links) {
    const one = new Writer();
    if (traceId !== '') one.bytes(1, Buffer.from(traceId, 'hex'));
    if (spanId !== '') one.bytes(2, Buffer.from(spanId, 'hex'));
    out.message(4, one);
  }
  for (const text of tables.strings) out.string(5, text);
  for (const { key, value } of tables.attributes) {
    out.message(6, new Writer().number(1, key.strindex).message(2, anyValue(value)));
  }
  for (const stack of tables.stacks) out.message(7, new Writer().packed(1, stack));
  return out;
}

/** As OTLP has it: 64-bit numbers as text, ids in hex. */
export function encodeOtlpJson(request: OtlpRequest): Uint8Array<ArrayBuffer> {
  const value = {
    resourceProfiles: request.resources.map(({ attributes, scopes }) => ({
      resource: { attributes: attributes.map(attributeJson) },
      scopeProfiles: scopes.map((scope) => ({
        scope: { attributes: scope.attributes.map(attributeJson) },
        profiles: scope.profiles.map(profileJson),
      })),
    })),
    dictionary: request.dictionary && dictionaryJson(request.dictionary),
  };
  return new TextEncoder().encode(JSON.stringify(value));
}

function attributeJson({ key, value }: OtlpAttribute) {
  return { key: key.text, keyStrindex: key.strindex, value: valueJson(value) };
}

function valueJson(value: OtlpText | undefined) {
  if (value === undefined) return { boolValue: true };
  if (value.strindex > 0) return { stringValueStrindex: value.strindex };
  return { stringValue: value.text };
}

function typeJson(type: OtlpType | undefined) {
  return type && { typeStrindex: type.type, unitStrindex: type.unit };
}

function profileJson(profile: OtlpProfile) {
  return {
    sampleType: typeJson(profile.sampleType),
    periodType: typeJson(profile.periodType),
    period: String(profile.period),
    timeUnixNano: String(profile.timeNs),
    durationNano: String(profile.durationNs),
    samples: profile.samples.map(({ stack, attributes, link, value, timestampCount }) => ({
      stackIndex: stack,
      attributeIndices: attributes,
      linkIndex: link,
      values: value === undefined ? [] : [String(value)],
      timestampsUnixNano: Array.from({ length: timestampCount }, () => '0'),
    })),
  };
}

function dictionaryJson(tables: OtlpDictionary) {
  return {
    stringTable: tables.strings,
    mappingTable: tables.mappings.map((one) => ({
      memoryStart: String(one.start),
      memoryLimit: String(one.limit),
      fileOffset: String(one.offset),
      filenameStrindex: one.filename,
      attributeIndices: one.attributes,
    })),
    locationTable: tables.locations.map((one) => ({
      mappingIndex: one.mapping,
      address: String(one.address),
      lines: one.lines.map(({ function: fn, line }) => ({ functionIndex: fn, line: String(line) })),
    })),
    functionTable: tables.functions.map((one) => ({
      nameStrindex: one.name,
      systemNameStrindex: one.systemName,
      filenameStrindex: one.filename,
      startLine: String(one.startLine),
    })),
    linkTable: tables.links,
    attributeTable: tables.attributes.map(attributeJson),
    stackTable: tables.stacks.map((locationIndices) => ({ locationIndices })),
  };
}
