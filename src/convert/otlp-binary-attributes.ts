// Attributes in the binary encoding: keys and values as text, or since 1.10 as indexes into the
// strings. Owns which values can be a label's; the others are read as none.
import type { MessageReader } from '../lib/protobuf-message.ts';
import type { Steps } from '../lib/steps.ts';
import { noText, type OtlpAttribute, type OtlpBudget, type OtlpText } from './otlp-model.ts';

/** Reads the `KeyValue`s of field `listField` of a resource or a scope. */
export function* readAttributes(
  reader: MessageReader,
  listField: number,
  list: OtlpAttribute[],
  budget: OtlpBudget,
): Steps<void> {
  while (reader.next()) {
    if (reader.field !== listField) continue;
    budget.object();
    list.push(readKeyValue(reader.message()));
    if (budget.isDue(reader.end - reader.start)) yield;
  }
}

/** A `KeyValue`: key text 1, value 2, key index 3. */
function readKeyValue(reader: MessageReader): OtlpAttribute {
  const key = { text: '', strindex: 0 };
  const attribute: OtlpAttribute = { key, value: undefined };
  while (reader.next()) {
    if (reader.field === 1) key.text = reader.text();
    else if (reader.field === 2) attribute.value = readAnyValue(reader.message());
    else if (reader.field === 3) key.strindex = reader.row();
  }
  return attribute;
}

/** A `KeyValueAndUnit` of the dictionary: key index 1, value 2; the unit says nothing here. */
export function readTableAttribute(reader: MessageReader): OtlpAttribute {
  const attribute: OtlpAttribute = { key: noText, value: undefined };
  while (reader.next()) {
    if (reader.field === 1) attribute.key = { text: '', strindex: reader.row() };
    else if (reader.field === 2) attribute.value = readAnyValue(reader.message());
  }
  return attribute;
}

/** The last of the alternatives counts, as in every `oneof`. */
function readAnyValue(reader: MessageReader): OtlpText | undefined {
  let value: OtlpText | undefined;
  while (reader.next()) {
    value = reader.field === 5 ? readSingle(reader.message()) : readScalar(reader);
  }
  return value;
}

function readScalar(reader: MessageReader): OtlpText | undefined {
  if (reader.field === 1) return { text: reader.text(), strindex: 0 };
  if (reader.field === 3) return { text: String(reader.signed()), strindex: 0 };
  if (reader.field === 8) return { text: '', strindex: reader.row() };
  return undefined;
}

/** An array of one element stands for its element. */
function readSingle(reader: MessageReader): OtlpText | undefined {
  let value: OtlpText | undefined;
  let count = 0;
  while (reader.next()) {
    if (reader.field !== 1) continue;
    count += 1;
    if (count > 1) return undefined;
    const element = reader.message();
    while (element.next()) value = readScalar(element);
  }
  return value;
}
