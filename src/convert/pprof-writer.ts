// Writes a pprof profile: tables by id, samples over them, strings interned. Owns the field numbers
// and the bound on the bytes; what is the same function or location is the caller's to know. The
// same calls give the same bytes, because a retry is told from a new profile by its content.
// https://github.com/google/pprof/blob/main/proto/profile.proto
import { Failure } from '../errors.ts';
import { ProtobufWriter } from '../lib/protobuf-writer.ts';

export interface PprofType {
  type: string;
  unit: string;
}

export interface PprofMapping {
  start?: number | bigint;
  limit?: number | bigint;
  offset?: number | bigint;
  filename?: string;
  buildId?: string;
  hasFunctions?: boolean;
  hasFilenames?: boolean;
  hasLineNumbers?: boolean;
  hasInlineFrames?: boolean;
}

export interface PprofFunction {
  name: string;
  systemName?: string;
  filename?: string;
  startLine?: number | bigint;
}

export interface PprofLocation {
  /** Of `addMapping`; 0 or absent: none. */
  mapping?: number;
  address?: number | bigint;
  /** Innermost inlined call first; `function` is of `addFunction`. */
  lines?: readonly { function: number; line?: number | bigint; column?: number | bigint }[];
  isFolded?: boolean;
}

/** Of a sample: a text, or a number with a unit. */
export interface PprofLabel {
  key: string;
  text?: string;
  number?: bigint;
  unit?: string;
}

export interface PprofSample {
  /** Ids of `addLocation`, leaf first. */
  locations: ArrayLike<number>;
  /** One per sample type. */
  values: ArrayLike<number | bigint>;
  labels?: readonly PprofLabel[];
}

/** What a profile says about itself. */
export interface PprofHead {
  sampleTypes: readonly PprofType[];
  periodType?: PprofType;
  period?: bigint;
  /** 0 or absent: the profile carries no time. */
  timeNs?: bigint;
  durationNs?: bigint;
  comments?: readonly string[];
  /** Type of the value to show first. */
  defaultSampleType?: string;
}

/**
 * Ids are given from 1 in the order of the calls. Every call throws `invalid`, with the reason
 * `profile_size_limit`, once the profile takes more than `bytesMax` bytes.
 */
export class PprofWriter {
  readonly #bytesMax: number;
  readonly #head: PprofHead;
  readonly #types = new ProtobufWriter();
  readonly #samples = new ProtobufWriter();
  readonly #mappings = new ProtobufWriter();
  readonly #locations = new ProtobufWriter();
  readonly #functions = new ProtobufWriter();
  readonly #stringTable = new ProtobufWriter();
  readonly #stringIds = new Map<string, number>();
  readonly #scratch = new ProtobufWriter();
  readonly #inner = new ProtobufWriter();
  #mappingCount = 0;
  #locationCount = 0;
  #functionCount = 0;
  #sampleCount = 0;

  constructor(head: PprofHead, bytesMax: number) {
    this.#head = head;
    this.#bytesMax = bytesMax;
    this.#stringId('');
    for (const type of head.sampleTypes) this.#writeType(this.#types, 1, type);
    this.#assertRoom();
  }

  get sampleCount(): number {
    return this.#sampleCount;
  }

  addMapping(mapping: PprofMapping): number {
    const id = ++this.#mappingCount;
    const out = this.#cleared();
    out.number(1, id);
    out.number(2, mapping.start ?? 0);
    out.number(3, mapping.limit ?? 0);
    out.number(4, mapping.offset ?? 0);
    out.number(5, this.#stringId(mapping.filename ?? ''));
    out.number(6, this.#stringId(mapping.buildId ?? ''));
    out.number(7, mapping.hasFunctions ? 1 : 0);
    out.number(8, mapping.hasFilenames ? 1 : 0);
    out.number(9, mapping.hasLineNumbers ? 1 : 0);
    out.number(10, mapping.hasInlineFrames ? 1 : 0);
    this.#mappings.message(3, out);
    this.#assertRoom();
    return id;
  }

  addFunction(one: PprofFunction): number {
    const id = ++this.#functionCount;
    const out = this.#cleared();
    out.number(1, id);
    out.number(2, this.#stringId(one.name));
    out.number(3, this.#stringId(one.systemName ?? ''));
    out.number(4, this.#stringId(one.filename ?? ''));
    out.number(5, one.startLine ?? 0);
    this.#functions.message(5, out);
    this.#assertRoom();
    return id;
  }

  addLocation(location: PprofLocation): number {
    const id = ++this.#locationCount;
    const out = this.#cleared();
    out.number(1, id);
    out.number(2, location.mapping ?? 0);
    out.number(3, location.address ?? 0);
    for (const line of location.lines ?? []) {
      this.#inner.clear();
      this.#inner.number(1, line.function);
      this.#inner.number(2, line.line ?? 0);
      this.#inner.number(3, line.column ?? 0);
      out.message(4, this.#inner);
    }
    out.number(5, location.isFolded ? 1 : 0);
    this.#locations.message(4, out);
    this.#assertRoom();
    return id;
  }

  addSample(sample: PprofSample): void {
    const out = this.#cleared();
    out.packed(1, sample.locations);
    out.packed(2, sample.values);
    for (const label of sample.labels ?? []) {
      const inner = this.#inner;
      inner.clear();
      inner.number(1, this.#stringId(label.key));
      inner.number(2, this.#stringId(label.text ?? ''));
      inner.number(3, label.number ?? 0n);
      inner.number(4, this.#stringId(label.unit ?? ''));
      out.message(3, inner);
    }
    this.#samples.message(2, out);
    this.#sampleCount += 1;
    this.#assertRoom();
  }

  /** The profile, not compressed. The writer may not be used afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    const head = this.#head;
    const tail = new ProtobufWriter();
    tail.number(9, head.timeNs ?? 0n);
    tail.number(10, head.durationNs ?? 0n);
    if (head.periodType !== undefined) this.#writeType(tail, 11, head.periodType);
    tail.number(12, head.period ?? 0n);
    tail.packed(
      13,
      (head.comments ?? []).map((text) => this.#stringId(text)),
    );
    tail.number(14, this.#stringId(head.defaultSampleType ?? ''));
    this.#assertRoom(tail.length);
    const out = this.#types;
    for (const part of [this.#samples, this.#mappings, this.#locations, this.#functions]) {
      out.raw(part.view());
    }
    out.raw(this.#stringTable.view());
    out.raw(tail.view());
    return out.view();
  }

  #cleared(): ProtobufWriter {
    this.#scratch.clear();
    return this.#scratch;
  }

  #writeType(out: ProtobufWriter, field: number, { type, unit }: PprofType): void {
    this.#inner.clear();
    this.#inner.number(1, this.#stringId(type));
    this.#inner.number(2, this.#stringId(unit));
    out.message(field, this.#inner);
  }

  #stringId(text: string): number {
    const known = this.#stringIds.get(text);
    if (known !== undefined) return known;
    const id = this.#stringIds.size;
    this.#stringIds.set(text, id);
    this.#stringTable.string(6, text);
    return id;
  }

  #assertRoom(more = 0): void {
    const sections = [this.#types, this.#samples, this.#mappings, this.#locations];
    let byteLength = more + this.#functions.length + this.#stringTable.length;
    for (const section of sections) byteLength += section.length;
    if (byteLength <= this.#bytesMax) return;
    const message = `converted profile is more than ${this.#bytesMax} bytes, the limit`;
    throw new Failure('invalid', message, { reason: 'profile_size_limit' });
  }
}
