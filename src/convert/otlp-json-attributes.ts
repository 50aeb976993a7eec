// Attributes in the JSON encoding. Owns which values can be a label's, as its binary sibling does.
import {
  asInt64,
  asObject,
  asText,
  fieldOf,
  indexField,
  type JsonObject,
  listField,
  objectField,
  textField,
} from './otlp-json-fields.ts';
import { noText, type OtlpAttribute, type OtlpBudget, type OtlpText } from './otlp-model.ts';

/** The `attributes` of a resource or a scope. */
export function jsonAttributes(owner: JsonObject, budget: OtlpBudget): OtlpAttribute[] {
  return listField(owner, 'attributes').map((one) => {
    budget.object();
    const object = asObject(one, 'attributes');
    const key = { text: textField(object, 'key'), strindex: indexField(object, 'keyStrindex') };
    return { key, value: jsonValue(object) };
  });
}

/** An attribute of the dictionary. */
export function jsonTableAttribute(object: JsonObject): OtlpAttribute {
  const strindex = indexField(object, 'keyStrindex');
  return { key: { ...noText, strindex }, value: jsonValue(object) };
}

function jsonValue(owner: JsonObject): OtlpText | undefined {
  const value = objectField(owner, 'value');
  if (value === undefined) return undefined;
  const array = objectField(value, 'arrayValue');
  if (array === undefined) return jsonScalar(value);
  const elements = listField(array, 'values');
  return elements.length === 1 ? jsonScalar(asObject(elements[0], 'values')) : undefined;
}

function jsonScalar(value: JsonObject): OtlpText | undefined {
  const text = fieldOf(value, 'stringValue');
  if (text !== undefined) return { text: asText(text, 'stringValue'), strindex: 0 };
  const integer = fieldOf(value, 'intValue');
  if (integer !== undefined) return { text: String(asInt64(integer, 'intValue')), strindex: 0 };
  if (fieldOf(value, 'stringValueStrindex') === undefined) return undefined;
  return { text: '', strindex: indexField(value, 'stringValueStrindex') };
}
