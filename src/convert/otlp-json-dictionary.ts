// The dictionary of an OTLP profiles request in JSON. Owns how ids are written: as hexadecimal
// digits, which OTLP asks for, or as base64, which protobuf's own JSON has; their lengths differ.
import { Failure } from '../errors.ts';
import { toHex } from '../lib/hex.ts';
import type { Steps } from '../lib/steps.ts';
import { jsonTableAttribute } from './otlp-json-attributes.ts';
import {
  asIndex,
  asObject,
  asText,
  indexField,
  int64Field,
  type JsonObject,
  listField,
  textField,
  uint64Field,
} from './otlp-json-fields.ts';
import {
  idOfHex,
  type OtlpBudget,
  type OtlpDictionary,
  type OtlpFunction,
  type OtlpLink,
  type OtlpLocation,
  type OtlpMapping,
} from './otlp-model.ts';

/** The tables of a `ProfilesDictionary`; indexes are not checked here. */
export function* jsonDictionary(object: JsonObject, budget: OtlpBudget): Steps<OtlpDictionary> {
  function* table<T>(name: string, read: (row: JsonObject) => T): Steps<T[]> {
    return yield* rows(object, name, budget, (row) => read(asObject(row, name)));
  }
  return {
    strings: yield* rows(object, 'stringTable', budget, (text) => asText(text, 'stringTable')),
    mappings: yield* table('mappingTable', (row) => readMapping(row, budget)),
    locations: yield* table('locationTable', (row) => readLocation(row, budget)),
    functions: yield* table('functionTable', readFunction),
    links: yield* table('linkTable', readLink),
    attributes: yield* table('attributeTable', jsonTableAttribute),
    stacks: yield* table('stackTable', (row) => readIndexes(row, 'locationIndices', budget)),
  };
}

const unitsOfRow = 256;

function* rows<T>(
  object: JsonObject,
  name: string,
  budget: OtlpBudget,
  read: (row: unknown) => T,
): Steps<T[]> {
  const all: T[] = [];
  for (const row of listField(object, name)) {
    budget.object();
    all.push(read(row));
    if (budget.isDue(unitsOfRow)) yield;
  }
  return all;
}

function readIndexes(object: JsonObject, name: string, budget: OtlpBudget): number[] {
  return listField(object, name).map((one) => {
    budget.number();
    return asIndex(one, name);
  });
}

function readMapping(object: JsonObject, budget: OtlpBudget): OtlpMapping {
  return {
    start: uint64Field(object, 'memoryStart'),
    limit: uint64Field(object, 'memoryLimit'),
    offset: uint64Field(object, 'fileOffset'),
    filename: indexField(object, 'filenameStrindex'),
    attributes: readIndexes(object, 'attributeIndices', budget),
  };
}

function readLocation(object: JsonObject, budget: OtlpBudget): OtlpLocation {
  return {
    mapping: indexField(object, 'mappingIndex'),
    address: uint64Field(object, 'address'),
    lines: listField(object, 'lines').map((one) => {
      budget.object();
      const line = asObject(one, 'lines');
      return { function: indexField(line, 'functionIndex'), line: int64Field(line, 'line') };
    }),
  };
}

function readFunction(object: JsonObject): OtlpFunction {
  return {
    name: indexField(object, 'nameStrindex'),
    systemName: indexField(object, 'systemNameStrindex'),
    filename: indexField(object, 'filenameStrindex'),
    startLine: int64Field(object, 'startLine'),
  };
}

function readLink(object: JsonObject): OtlpLink {
  return { traceId: readId(object, 'traceId', 16), spanId: readId(object, 'spanId', 8) };
}

/** 16 bytes are 32 digits or 22 to 24 characters of base64, 8 bytes 16 or 11 to 12. */
function readId(object: JsonObject, name: string, byteLength: number): string {
  const text = textField(object, name);
  if (text === '') return '';
  if (text.length === 2 * byteLength && /^[0-9a-fA-F]+$/.test(text)) {
    return idOfHex(text.toLowerCase(), byteLength);
  }
  const digits = text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/');
  if (digits.length === Math.ceil((byteLength * 4) / 3) && /^[0-9A-Za-z+/]+$/.test(digits)) {
    const bytes = Uint8Array.from(atob(digits), (character) => character.charCodeAt(0));
    return idOfHex(toHex(bytes), byteLength);
  }
  const shown = JSON.stringify(text.slice(0, 64));
  const message = `json field ${name} is ${shown}, not ${byteLength} bytes in hex or base64`;
  throw new Failure('invalid', message);
}
