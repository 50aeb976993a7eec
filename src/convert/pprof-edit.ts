// Repairs of pprof bytes without decoding them into objects: fields are copied as they are, and
// what changes is written behind them, where protobuf's last one wins. Owns that; which repair is
// due is the caller's to know. Whether the rest is a pprof at all is the kernel's to find out.
import { Failure } from '../errors.ts';
import { ProtobufReader, wireBytes, wireVarint } from '../lib/protobuf-reader.ts';
import { ProtobufWriter } from '../lib/protobuf-writer.ts';
import { Pace, type Steps } from '../lib/steps.ts';

/** Fields of `Profile`, `ValueType` and `Function`. */
const field = {
  sampleType: 1,
  sample: 2,
  location: 4,
  function: 5,
  string: 6,
  timeNanos: 9,
  typeOfValueType: 1,
  idOfFunction: 1,
  nameOfFunction: 2,
  filenameOfFunction: 4,
} as const;

export interface PprofEdits {
  /** Written as the profile's time. */
  timeNs?: bigint;
  /** The new name of a sample type; undefined keeps it. */
  renameType?: (type: string) => string | undefined;
  /** The new name of a function. */
  renameFunction?: (name: string, filename: string) => string | undefined;
  /** Functions get their place, from 1, as their id. */
  numberFunctions?: boolean;
}

const unitsOfField = 16;

/** Throws `invalid` for bytes that are no protobuf message. */
export function* outlinePprof(bytes: Uint8Array): Steps<PprofOutline> {
  const pace = new Pace();
  const types: number[] = [];
  const strings: number[] = [];
  let sampleCount = 0;
  let timeNs = 0n;
  let functions = 0;
  let locations = 0;
  let anyId = false;
  const reader = new ProtobufReader(bytes);
  while (reader.next()) {
    if (reader.wire === wireBytes) {
      if (reader.field === field.string) strings.push(reader.start, reader.end);
      else if (reader.field === field.sample) sampleCount += 1;
      else if (reader.field === field.location) locations += 1;
      else if (reader.field === field.function) {
        functions += 1;
        anyId ||= indexIn(bytes, reader, field.idOfFunction) !== 0;
      } else if (reader.field === field.sampleType) {
        types.push(indexIn(bytes, reader, field.typeOfValueType));
      }
    } else if (reader.field === field.timeNanos && reader.wire === wireVarint) {
      timeNs = reader.int64;
    }
    if (pace.spend(unitsOfField)) yield;
  }
  const isUnnumbered = functions === locations && !anyId;
  return new PprofOutline({ bytes, strings, types, sampleCount, timeNs, isUnnumbered });
}

interface OutlineParts {
  bytes: Uint8Array;
  /** Start and end of each string. */
  strings: readonly number[];
  /** Strings that name the sample types. */
  types: readonly number[];
  sampleCount: number;
  timeNs: bigint;
  isUnnumbered: boolean;
}

/** What can be known of a pprof in one pass over its outermost fields. */
export class PprofOutline {
  readonly sampleTypes: readonly string[];
  readonly sampleCount: number;
  /** 0: none. */
  readonly timeNs: bigint;
  /** True when there are as many functions as locations, and none has an id. */
  readonly isUnnumbered: boolean;
  readonly #bytes: Uint8Array;
  readonly #strings: readonly number[];
  /** Strings that were read once: many functions may share a long one. */
  readonly #texts = new Map<number, string>();

  constructor(parts: OutlineParts) {
    const { bytes, strings, types, sampleCount, timeNs } = parts;
    this.#bytes = bytes;
    this.#strings = strings;
    this.sampleTypes = types.map((id) => this.#string(id));
    this.sampleCount = sampleCount;
    this.timeNs = timeNs;
    this.isUnnumbered = parts.isUnnumbered;
  }

  /**
   * The profile with the edits; the same bytes when there is nothing to change. Throws `invalid`
   * when new names take more than `bytesMax`.
   */
  *edited(edits: PprofEdits, bytesMax: number): Steps<Uint8Array> {
    const { timeNs, renameType, renameFunction, numberFunctions = false } = edits;
    const isAboutFunctions = numberFunctions || renameFunction !== undefined;
    const pace = new Pace();
    const out = new ProtobufWriter();
    const added = new AddedStrings(this.#strings.length / 2, bytesMax);
    const reader = new ProtobufReader(this.#bytes);
    let copiedTo = 0;
    let functions = 0;
    const scratch = new ProtobufWriter();
    const named = (inner: number, name: string | undefined): [number, number][] =>
      name === undefined ? [] : [[inner, added.id(name)]];
    /** Copies the field of the reader with more fields at the end of its message. */
    const append = (numbers: readonly (readonly [inner: number, value: number])[]) => {
      if (numbers.length === 0) return;
      scratch.clear();
      scratch.raw(this.#bytes.subarray(reader.start, reader.end));
      for (const [inner, value] of numbers) scratch.number(inner, value);
      out.raw(this.#bytes.subarray(copiedTo, reader.fieldStart));
      out.message(reader.field, scratch);
      copiedTo = reader.end;
    };
    while (reader.next()) {
      if (pace.spend(unitsOfField)) yield;
      if (reader.wire !== wireBytes) continue;
      if (reader.field === field.sampleType && renameType !== undefined) {
        const name = renameType(this.#text(reader, field.typeOfValueType));
        append(named(field.typeOfValueType, name));
      } else if (reader.field === field.function && isAboutFunctions) {
        functions += 1;
        const id: [number, number][] = numberFunctions ? [[field.idOfFunction, functions]] : [];
        if (renameFunction === undefined) {
          append(id);
          if (pace.spend(8 * unitsOfField)) yield;
          continue;
        }
        const name = this.#text(reader, field.nameOfFunction);
        const filename = this.#text(reader, field.filenameOfFunction);
        append([...id, ...named(field.nameOfFunction, renameFunction(name, filename))]);
        if (pace.spend(8 * unitsOfField + name.length + filename.length)) yield;
      }
    }
    if (copiedTo === 0 && timeNs === undefined) return this.#bytes;
    out.raw(this.#bytes.subarray(copiedTo));
    for (const text of added.all) out.string(field.string, text);
    if (timeNs !== undefined) out.number(field.timeNanos, timeNs);
    return out.view();
  }

  #text(reader: ProtobufReader, inner: number): string {
    return this.#string(indexIn(this.#bytes, reader, inner));
  }

  /** Empty when there is no such string. */
  #string(id: number): string {
    const start = this.#strings[2 * id];
    if (start === undefined) return '';
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const end = this.#strings[2 * id + 1];
    const text = new TextDecoder().decode(this.#bytes.subarray(start, end));
    this.#texts.set(id, text);
    return text;
  }
}

/** Strings behind those that the profile has. */
class AddedStrings {
  readonly #ids = new Map<string, number>();
  readonly #first: number;
  readonly #bytesMax: number;
  #length = 0;

  constructor(first: number, bytesMax: number) {
    this.#first = first;
    this.#bytesMax = bytesMax;
  }

  get all(): Iterable<string> {
    return this.#ids.keys();
  }

  id(text: string): number {
    this.#assertRoom(text.length);
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#first + this.#ids.size;
    this.#ids.set(text, id);
    this.#length += text.length;
    return id;
  }

  /** Asked before a text is looked up: only then a joined one takes its memory. */
  #assertRoom(more: number): void {
    if (this.#length + more <= this.#bytesMax) return;
    const message = `names of functions are more than ${this.#bytesMax} bytes, the limit`;
    throw new Failure('invalid', message, { reason: 'profile_size_limit' });
  }
}

/** The number in a field of the message that `outer` is at; the last one wins, 0 without any. */
function indexIn(bytes: Uint8Array, outer: ProtobufReader, inner: number): number {
  const reader = new ProtobufReader(bytes, outer.start, outer.end);
  let index = 0;
  while (reader.next()) {
    if (reader.field === inner && reader.wire === wireVarint) index = reader.index;
  }
  return index;
}
