// Typed reading of parsed JSON as protobuf's JSON mapping has it: both spellings of a name, null
// for absent, 64-bit numbers as text. Owns the errors, which name the field.
// https://protobuf.dev/programming-guides/json/
import { Failure } from '../errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The value of a field given its lowerCamelCase name; undefined when absent or null. */
export function fieldOf(object: JsonObject, name: string): unknown {
  const value = Object.hasOwn(object, name) ? object[name] : snakeCaseField(object, name);
  return value === null ? undefined : value;
}

/** The message of a field, undefined when absent. Throws `invalid`, as all of these do. */
export function objectField(object: JsonObject, name: string): JsonObject | undefined {
  const value = fieldOf(object, name);
  return value === undefined ? undefined : asObject(value, name);
}

/** The elements of a repeated field, none when absent. */
export function listField(object: JsonObject, name: string): readonly unknown[] {
  const value = fieldOf(object, name);
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(name, value, 'a list');
  return value;
}

/** A message; `name` is that of its field, for the error. */
export function asObject(value: unknown, name: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(name, value, 'an object');
  }
  return value as JsonObject;
}

/** Empty when absent. */
export function textField(object: JsonObject, name: string): string {
  const value = fieldOf(object, name) ?? '';
  return asText(value, name);
}

/** A string field's value, never a number made text. */
export function asText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrong(name, value, 'text');
  return value;
}

/** 0 when absent. */
export function indexField(object: JsonObject, name: string): number {
  return asIndex(fieldOf(object, name) ?? 0, name);
}

/** An int32 that is not negative. */
export function asIndex(value: unknown, name: string): number {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0) {
    throw wrong(name, value, 'an index');
  }
  if (number >= 2 ** 31) throw wrong(name, value, 'an index below 2^31');
  return number;
}

/** 0 when absent. */
export function int64Field(object: JsonObject, name: string): bigint {
  return asInt64(fieldOf(object, name) ?? 0, name);
}

/** A number above 2^53 has lost digits before we see it, so that it must come as text. */
export function asInt64(value: unknown, name: string): bigint {
  const integer = asInteger(value, name);
  if (integer !== BigInt.asIntN(64, integer)) throw wrong(name, value, 'an int64');
  return integer;
}

/** 0 when absent. */
export function uint64Field(object: JsonObject, name: string): bigint {
  const value = fieldOf(object, name) ?? 0;
  const integer = asInteger(value, name);
  if (integer !== BigInt.asUintN(64, integer)) throw wrong(name, value, 'a uint64');
  return integer;
}

function asInteger(value: unknown, name: string): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw wrong(name, value, 'a whole number, as text above 2^53');
}

function wrong(name: string, value: unknown, wanted: string): Failure {
  const shown = (JSON.stringify(value) ?? typeof value).slice(0, 64);
  return new Failure('invalid', `json field ${name} is ${shown}, not ${wanted}`);
}

/** Few names have a second spelling in use, and all of a request ask for each many times. */
const snakeCaseNames = new Map<string, string>();

function snakeCaseField(object: JsonObject, name: string): unknown {
  let snakeCase = snakeCaseNames.get(name);
  if (snakeCase === undefined) {
    snakeCase = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    snakeCaseNames.set(name, snakeCase);
  }
  return Object.hasOwn(object, snakeCase) ? object[snakeCase] : undefined;
}
