// Records: what the log holds, as bytes. Owns the head of a record and the bodies of the records
// that are not profiles; `FORMAT.md` draws both. A head is checked when it is decoded, a body when
// somebody wants it.
import { Failure } from '../errors.ts';
import type { Label } from '../model/labels.ts';
import { crc32c } from './crc32c.ts';
import type { SegmentName } from './pages.ts';

export const formatVersion = 1;
/** Of a profile whose labels follow its treatment: see `treated-labels.ts`. */
export const treatedVersion = 2;
export const fixedHeadBytes = 72;
const recordMagic = 0x72706c70; // "plpr"

/** Labels of one profile; the limits on names, values and their count keep far below. */
const labelsBytesMax = 1 << 20;
const u16Max = 0xffff;
const u32Range = 2 ** 32;

export const recordKinds = {
  segment: 1,
  profile: 2,
  flushed: 3,
  keys: 4,
  end: 5,
  index: 6,
} as const;
export type RecordKind = (typeof recordKinds)[keyof typeof recordKinds];

/** What a record says beside its body. */
export interface RecordFields {
  kind: RecordKind;
  /** Absent: `formatVersion`. */
  version?: number | undefined;
  /**
   * Profile: its number. Flushed: the last one in a block. Segment, end: the last one given. Index:
   * the last one that the segment knows of.
   */
  sequence: number;
  tenant: string;
  /** Milliseconds since the epoch: of the push, or of the record itself. */
  timeMs: number;
  /** 16 bytes; zero when the record is no profile. */
  contentKey: Uint8Array;
  /** Encoded by `encodeLabels`, behind a treatment if any; empty when the record is no profile. */
  labels: Uint8Array;
}

/** A head as it was read. */
export interface RecordHead extends RecordFields {
  /** Position of the record in its segment. */
  position: number;
  /** Everything below this position of the segment was durable when the record was written. */
  durableEnd: number;
  headBytes: number;
  bodyBytes: number;
  bodyCrc: number;
}

/** Where a record is written. */
export interface RecordPlace extends SegmentName {
  position: number;
  durableEnd: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const noKey: Uint8Array = new Uint8Array(16);
export const noBytes: Uint8Array = new Uint8Array(0);

/** Bytes of the head that `encodeHead` makes. */
export function headBytesOf(tenant: Uint8Array, labels: Uint8Array): number {
  return fixedHeadBytes + tenant.length + labels.length;
}

/** A tenant's name as it is stored. Throws `invalid` beyond 64 KiB. */
export function encodeTenant(tenant: string): Uint8Array {
  const bytes = encoder.encode(tenant);
  if (bytes.length <= u16Max) return bytes;
  throw new Failure('invalid', `tenant is ${bytes.length} bytes, limit ${u16Max}`);
}

/** The head of a record whose body is `body`. */
export function encodeHead(
  place: RecordPlace,
  fields: Omit<RecordFields, 'tenant'> & { tenant: Uint8Array },
  body: Uint8Array,
): Uint8Array {
  const { tenant, labels } = fields;
  const bytes = new Uint8Array(headBytesOf(tenant, labels));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, recordMagic, true);
  view.setUint32(8, place.logTag, true);
  view.setUint32(12, place.segment, true);
  view.setUint32(16, place.position, true);
  view.setUint32(20, place.durableEnd, true);
  view.setUint8(24, fields.version ?? formatVersion);
  view.setUint8(25, fields.kind);
  view.setUint16(26, tenant.length, true);
  view.setUint32(28, labels.length, true);
  view.setUint32(32, body.length, true);
  view.setUint32(36, crc32c(body), true);
  view.setUint32(40, fields.sequence % u32Range, true);
  view.setUint32(44, Math.floor(fields.sequence / u32Range), true);
  view.setFloat64(48, fields.timeMs, true);
  bytes.set(fields.contentKey, 56);
  bytes.set(tenant, fixedHeadBytes);
  bytes.set(labels, fixedHeadBytes + tenant.length);
  view.setUint32(4, crc32c(bytes.subarray(8)), true);
  return bytes;
}

/**
 * How many bytes the head at `place` has, from its first `fixedHeadBytes` bytes; undefined when no
 * record of this segment starts there.
 */
export function peekHeadBytes(fixed: Uint8Array, name: SegmentName, position: number) {
  const view = new DataView(fixed.buffer, fixed.byteOffset, fixedHeadBytes);
  const isHere =
    view.getUint32(0, true) === recordMagic &&
    view.getUint32(8, true) === name.logTag &&
    view.getUint32(12, true) === name.segment &&
    view.getUint32(16, true) === position;
  const labelsBytes = view.getUint32(28, true);
  if (!isHere || labelsBytes > labelsBytesMax) return undefined;
  return fixedHeadBytes + view.getUint16(26, true) + labelsBytes;
}

/**
 * Decodes the bytes that `peekHeadBytes` asked for; undefined when their checksum is wrong. Key and
 * labels are views into them.
 */
export function decodeHead(bytes: Uint8Array): RecordHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(4, true) !== crc32c(bytes.subarray(8))) return undefined;
  // The checksum is right, so what is odd from here on was written by another version.
  const version = view.getUint8(24);
  if (version !== formatVersion && version !== treatedVersion) {
    const known = `known are ${formatVersion} and ${treatedVersion}`;
    throw new Failure('corrupt', `log record has format version ${version}, ${known}`);
  }
  const labelsAt = fixedHeadBytes + view.getUint16(26, true);
  return {
    kind: view.getUint8(25) as RecordKind,
    version,
    position: view.getUint32(16, true),
    durableEnd: view.getUint32(20, true),
    sequence: view.getUint32(40, true) + view.getUint32(44, true) * u32Range,
    timeMs: view.getFloat64(48, true),
    contentKey: bytes.subarray(56, 72),
    tenant: decoder.decode(bytes.subarray(fixedHeadBytes, labelsAt)),
    labels: bytes.subarray(labelsAt),
    headBytes: bytes.length,
    bodyBytes: view.getUint32(32, true),
    bodyCrc: view.getUint32(36, true),
  };
}

/** Name and value of each label, each behind its length. Throws `invalid` for what is too long. */
export function encodeLabels(labels: readonly Label[]): Uint8Array {
  const texts = labels.flatMap(({ name, value }) => [encoder.encode(name), encoder.encode(value)]);
  const total = texts.reduce((sum, text) => sum + 4 + text.length, 0);
  if (total > labelsBytesMax) {
    throw new Failure('invalid', `labels are ${total} bytes, limit ${labelsBytesMax}`);
  }
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length, true);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  return bytes;
}

/** The labels of a head whose checksum was right. Throws `corrupt` when they do not add up. */
export function decodeLabels(bytes: Uint8Array): Label[] {
  const texts = decodeTexts(bytes);
  if (texts.length % 2 !== 0) {
    throw new Failure('corrupt', `log record has ${texts.length} names and values, an odd number`);
  }
  const labels: Label[] = [];
  for (let index = 0; index < texts.length; index += 2) {
    labels.push({ name: texts[index] as string, value: texts[index + 1] as string });
  }
  return labels;
}

/** Texts, each behind its length, that fill the bytes. Throws `corrupt` when they do not. */
export function decodeTexts(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at + 4;
    const end = start <= bytes.length ? start + view.getUint32(at, true) : start;
    if (end > bytes.length) {
      throw new Failure('corrupt', `log record has a text up to byte ${end} of ${bytes.length}`);
    }
    try {
      texts.push(decoder.decode(bytes.subarray(start, end)));
    } catch (cause) {
      throw new Failure('corrupt', `log record has a text that is not utf-8`, { cause });
    }
    at = end;
  }
  return texts;
}

/** The body of the record that begins a segment. */
export interface SegmentStart {
  logId: string;
  /** The segment that was written to before; 0: none. */
  previous: number;
  /** Where what may be trusted in it ends. */
  previousEnd: number;
}

/** The body of a `segment` record. */
export function encodeSegmentStart({ logId, previous, previousEnd }: SegmentStart): Uint8Array {
  const bytes = new Uint8Array(8 + logId.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, previous, true);
  view.setUint32(4, previousEnd, true);
  bytes.set(encoder.encode(logId), 8);
  return bytes;
}

/** Undefined when the body is too short for one. */
export function decodeSegmentStart(body: Uint8Array): SegmentStart | undefined {
  if (body.length < 8) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return {
    previous: view.getUint32(0, true),
    previousEnd: view.getUint32(4, true),
    logId: decoder.decode(body.subarray(8)),
  };
}

/** The id of a block, as the body of a `flushed` record. */
export function encodeUlid(ulid: string): Uint8Array {
  return encoder.encode(ulid);
}

export interface TimedKey {
  receivedMs: number;
  contentKey: Uint8Array;
}

const timedKeyBytes = 24;

/** The body of a `keys` record. */
export function encodeKeys(keys: readonly TimedKey[]): Uint8Array {
  const bytes = new Uint8Array(keys.length * timedKeyBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, { receivedMs, contentKey }] of keys.entries()) {
    view.setFloat64(index * timedKeyBytes, receivedMs, true);
    bytes.set(contentKey, index * timedKeyBytes + 8);
  }
  return bytes;
}

/** The keys of such a body; those of a body that was cut short, as far as they are whole. */
export function decodeKeys(body: Uint8Array): TimedKey[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const keys: TimedKey[] = [];
  for (let at = 0; at + timedKeyBytes <= body.length; at += timedKeyBytes) {
    const contentKey = body.slice(at + 8, at + timedKeyBytes);
    keys.push({ receivedMs: view.getFloat64(at, true), contentKey });
  }
  return keys;
}
