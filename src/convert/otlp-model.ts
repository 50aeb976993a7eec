// An OTLP profiles request as both encodings and both layouts give it: tables and indexes, nothing
// resolved. Owns the bounds on what one request may hold; what it means is for `otlp-convert.ts`.
// https://opentelemetry.io/docs/specs/otel/profiles/
import { Failure } from '../errors.ts';
import { Pace } from '../lib/steps.ts';

/** Index 0 of a table stands for "none"; `strindex` 0 means that the text counts. */
export interface OtlpText {
  text: string;
  strindex: number;
}

export interface OtlpAttribute {
  key: OtlpText;
  /** Undefined for what no label can hold: flags, doubles, maps, arrays not of one element. */
  value: OtlpText | undefined;
}

export interface OtlpType {
  type: number;
  unit: number;
}

export interface OtlpMapping {
  start: bigint;
  limit: bigint;
  offset: bigint;
  filename: number;
  attributes: readonly number[];
}

export interface OtlpFunction {
  name: number;
  systemName: number;
  filename: number;
  startLine: bigint;
}

export interface OtlpLocation {
  mapping: number;
  address: bigint;
  /** Innermost inlined call first. */
  lines: readonly { function: number; line: bigint }[];
}

/** Ids as lower-case hex, empty when they are not of their full length or all zero. */
export interface OtlpLink {
  traceId: string;
  spanId: string;
}

export interface OtlpDictionary {
  strings: string[];
  mappings: OtlpMapping[];
  locations: OtlpLocation[];
  functions: OtlpFunction[];
  links: OtlpLink[];
  attributes: OtlpAttribute[];
  /** Indexes of locations, leaf first. */
  stacks: (readonly number[])[];
}

export interface OtlpSample {
  stack: number;
  attributes: readonly number[];
  link: number;
  /** Sum of the values, which are one series of observations; undefined when there are none. */
  value: bigint | undefined;
  timestampCount: number;
}

export interface OtlpProfile {
  sampleType: OtlpType | undefined;
  samples: OtlpSample[];
  timeNs: bigint;
  durationNs: bigint;
  periodType: OtlpType | undefined;
  period: bigint;
}

export interface OtlpScope {
  attributes: OtlpAttribute[];
  profiles: OtlpProfile[];
}

export interface OtlpResource {
  attributes: OtlpAttribute[];
  scopes: OtlpScope[];
}

export interface OtlpRequest {
  resources: OtlpResource[];
  dictionary: OtlpDictionary | undefined;
}

export const noIndexes: readonly number[] = [];
export const noText: OtlpText = { text: '', strindex: 0 };

/** Messages and strings of one request: each takes about a hundred bytes of memory. */
export const otlpObjectsMax = 1 << 20;
/** Numbers in its lists: frames of stacks, attributes, values. */
export const otlpNumbersMax = 1 << 22;
/** Profiles a request may become, after the split by service. */
export const otlpProfilesMax = 10_000;
/** Attributes of a resource with its scope, or of one sample: more than any limit lets pass. */
export const otlpAttributesMax = 256;
/** UTF-16 units of a label: limits are far below, but encode the text to measure it. */
export const otlpLabelUnitsMax = 1 << 16;
/** Frames of the stacks of all profiles, each once a profile: they share those of the request. */
export const otlpFramesMax = 1 << 24;

const messageUnits = 64;

/** Counts what is decoded, and throws `invalid` when it is more than a request may hold. */
export class OtlpBudget {
  #objects = 0;
  #numbers = 0;
  readonly #pace = new Pace();

  /** After a message of so many bytes: whether it is time to yield. */
  isDue(bytes: number): boolean {
    return this.#pace.spend(messageUnits + bytes);
  }

  object(): void {
    this.#objects += 1;
    if (this.#objects > otlpObjectsMax) {
      throw new Failure('invalid', `request holds more than ${otlpObjectsMax} messages, the limit`);
    }
  }

  number(): void {
    this.#numbers += 1;
    if (this.#numbers > otlpNumbersMax) {
      throw new Failure('invalid', `request holds more than ${otlpNumbersMax} numbers, the limit`);
    }
  }
}

/** Tables without rows, not even the null ones. */
export function emptyDictionary(): OtlpDictionary {
  return {
    strings: [],
    mappings: [],
    locations: [],
    functions: [],
    links: [],
    attributes: [],
    stacks: [],
  };
}

/** The id as the model has it; `bytes` are those of a trace (16) or a span (8). */
export function idOfHex(hex: string, byteLength: number): string {
  return hex.length === 2 * byteLength && /[^0]/.test(hex) ? hex : '';
}
