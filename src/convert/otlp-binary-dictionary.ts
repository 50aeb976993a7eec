// The dictionary of an OTLP profiles request in the binary encoding: the tables that all profiles
// of the request share. Owns their field numbers; indexes are not checked here.
import { toHex } from '../lib/hex.ts';
import type { MessageReader } from '../lib/protobuf-message.ts';
import type { Steps } from '../lib/steps.ts';
import { readTableAttribute } from './otlp-binary-attributes.ts';
import {
  idOfHex,
  noIndexes,
  type OtlpBudget,
  type OtlpDictionary,
  type OtlpFunction,
  type OtlpLink,
  type OtlpLocation,
  type OtlpMapping,
} from './otlp-model.ts';

/** Adds the tables of one `ProfilesDictionary`; a message that comes in pieces is merged. */
export function* readDictionary(
  reader: MessageReader,
  tables: OtlpDictionary,
  budget: OtlpBudget,
): Steps<void> {
  while (reader.next()) {
    if (reader.field < 1 || reader.field > 7) continue;
    budget.object();
    if (reader.field === 1) tables.mappings.push(readMapping(reader.message(), budget));
    else if (reader.field === 2) tables.locations.push(readLocation(reader.message(), budget));
    else if (reader.field === 3) tables.functions.push(readFunction(reader.message()));
    else if (reader.field === 4) tables.links.push(readLink(reader.message()));
    else if (reader.field === 5) tables.strings.push(reader.text());
    else if (reader.field === 6) tables.attributes.push(readTableAttribute(reader.message()));
    else tables.stacks.push(readIndexes(reader.message(), 1, budget));
    if (budget.isDue(reader.end - reader.start)) yield;
  }
}

/** The list of indexes in one field of a message that has nothing else worth reading. */
function readIndexes(reader: MessageReader, field: number, budget: OtlpBudget): readonly number[] {
  let list = noIndexes;
  while (reader.next()) if (reader.field === field) list = addIndexes(reader, list, budget);
  return list;
}

function addIndexes(
  reader: MessageReader,
  before: readonly number[],
  budget: OtlpBudget,
): readonly number[] {
  const list = before === noIndexes ? [] : (before as number[]);
  reader.eachRow((index) => {
    budget.number();
    list.push(index);
  });
  return list;
}

function readMapping(reader: MessageReader, budget: OtlpBudget): OtlpMapping {
  const mapping: OtlpMapping = {
    start: 0n,
    limit: 0n,
    offset: 0n,
    filename: 0,
    attributes: noIndexes,
  };
  while (reader.next()) {
    if (reader.field === 1) mapping.start = reader.unsigned();
    else if (reader.field === 2) mapping.limit = reader.unsigned();
    else if (reader.field === 3) mapping.offset = reader.unsigned();
    else if (reader.field === 4) mapping.filename = reader.row();
    else if (reader.field === 5) {
      mapping.attributes = addIndexes(reader, mapping.attributes, budget);
    }
  }
  return mapping;
}

function readLocation(reader: MessageReader, budget: OtlpBudget): OtlpLocation {
  const lines: OtlpLocation['lines'][number][] = [];
  const location: OtlpLocation = { mapping: 0, address: 0n, lines };
  while (reader.next()) {
    if (reader.field === 1) location.mapping = reader.row();
    else if (reader.field === 2) location.address = reader.unsigned();
    else if (reader.field === 3) {
      budget.object();
      lines.push(readLine(reader.message()));
    }
  }
  return location;
}

function readLine(reader: MessageReader): OtlpLocation['lines'][number] {
  const line = { function: 0, line: 0n };
  while (reader.next()) {
    if (reader.field === 1) line.function = reader.row();
    else if (reader.field === 2) line.line = reader.signed();
  }
  return line;
}

function readFunction(reader: MessageReader): OtlpFunction {
  const one: OtlpFunction = { name: 0, systemName: 0, filename: 0, startLine: 0n };
  while (reader.next()) {
    if (reader.field === 1) one.name = reader.row();
    else if (reader.field === 2) one.systemName = reader.row();
    else if (reader.field === 3) one.filename = reader.row();
    else if (reader.field === 4) one.startLine = reader.signed();
  }
  return one;
}

function readLink(reader: MessageReader): OtlpLink {
  const link: OtlpLink = { traceId: '', spanId: '' };
  while (reader.next()) {
    if (reader.field === 1) link.traceId = idOfBytes(reader.content(), 16);
    else if (reader.field === 2) link.spanId = idOfBytes(reader.content(), 8);
  }
  return link;
}

function idOfBytes(bytes: Uint8Array, byteLength: number): string {
  return bytes.length === byteLength ? idOfHex(toHex(bytes), byteLength) : '';
}
