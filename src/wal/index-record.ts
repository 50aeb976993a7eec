// The index of a segment that is no longer written to, as a record behind its end: what a start
// would otherwise gather from every head. Owns its body. It is never needed: one that is missing,
// torn or wrong is answered with undefined, and the segment is scanned.
import type { SegmentName } from './pages.ts';
import {
  decodeKeys,
  encodeTenant,
  fixedHeadBytes,
  type RecordHead,
  recordKinds,
} from './record.ts';
import type { SegmentReader } from './segment-file.ts';
import { SegmentIndex } from './segment-index.ts';
import { rowBytes } from './segment-rows.ts';
import { readBody, readHead } from './segment-scan.ts';

const countsBytes = 16;
const u32Range = 2 ** 32;
/** Head and body of most in one read. */
const readAheadBytes = 1024 * 1024;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The body of a segment's `index` record. */
export function encodeIndex(segment: SegmentIndex): Uint8Array {
  const tenants = segment.tenants.map(encodeTenant);
  const flushed = [...segment.flushed].map(([tenant, upTo]) => ({
    name: encodeTenant(tenant),
    upTo,
  }));
  const { keysAt, rowCount } = segment;
  const textBytes =
    tenants.reduce((sum, name) => sum + 2 + name.length, 0) +
    flushed.reduce((sum, { name }) => sum + 10 + name.length, 0);
  const body = new Uint8Array(countsBytes + rowCount * rowBytes + 4 * keysAt.length + textBytes);
  const view = new DataView(body.buffer);
  for (const [at, count] of [rowCount, keysAt.length, tenants.length, flushed.length].entries()) {
    view.setUint32(4 * at, count, true);
  }
  let at = countsBytes + rowCount * rowBytes;
  segment.encodeRows(body.subarray(countsBytes, at));
  for (const position of keysAt) {
    view.setUint32(at, position, true);
    at += 4;
  }
  const putName = (name: Uint8Array) => {
    view.setUint16(at, name.length, true);
    body.set(name, at + 2);
    at += 2 + name.length;
  };
  for (const name of tenants) putName(name);
  for (const { name, upTo } of flushed) {
    view.setUint32(at, upTo % u32Range, true);
    view.setUint32(at + 4, Math.floor(upTo / u32Range), true);
    at += 8;
    putName(name);
  }
  return body;
}

/** The segment as its index record at `end` tells it; undefined when that cannot be trusted. */
export async function loadIndexed(
  reader: SegmentReader,
  name: SegmentName,
  end: number,
): Promise<SegmentIndex | undefined> {
  const head = await readHead(reader, name, end, readAheadBytes);
  if (head?.kind !== recordKinds.index) return undefined;
  const body = await readBody(reader, head);
  const index = body && decodeIndex(name.segment, head, body);
  if (index === undefined) return undefined;
  // Keys are not in the index a second time: they may be half a segment.
  for (const position of index.keysAt.splice(0)) {
    const keysHead = await readHead(reader, name, position, fixedHeadBytes);
    if (keysHead?.kind !== recordKinds.keys) return undefined;
    const keys = await readBody(reader, keysHead);
    if (keys === undefined) return undefined;
    index.addKeys(keysHead.tenant, decodeKeys(keys), position);
  }
  return index;
}

function decodeIndex(
  segment: number,
  { position, headBytes, sequence }: RecordHead,
  body: Uint8Array,
): SegmentIndex | undefined {
  if (body.length < countsBytes) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [rows, keys, tenantCount, flushedCount] = [0, 4, 8, 12].map((at) =>
    view.getUint32(at, true),
  ) as [number, number, number, number];
  const index = new SegmentIndex(segment);
  let at = countsBytes + rows * rowBytes;
  const rowsEnd = at;
  if (rowsEnd + 4 * keys > body.length) return undefined;
  for (let count = 0; count < keys; count++, at += 4) index.keysAt.push(view.getUint32(at, true));
  const takeName = () => {
    const nameEnd = at + 2 <= body.length ? at + 2 + view.getUint16(at, true) : Infinity;
    if (nameEnd > body.length) return undefined;
    const name = decoder.decode(body.subarray(at + 2, nameEnd));
    at = nameEnd;
    return name;
  };
  const tenants: string[] = [];
  for (let count = 0; count < tenantCount; count++) {
    const name = takeName();
    if (name === undefined) return undefined;
    tenants.push(name);
  }
  for (let count = 0; count < flushedCount; count++) {
    const upToAt = at;
    at += 8;
    const name = takeName();
    if (name === undefined) return undefined;
    const upTo = view.getUint32(upToAt, true) + view.getUint32(upToAt + 4, true) * u32Range;
    index.addFlushed(name, upTo);
  }
  if (at !== body.length) return undefined;
  if (!index.decodeRows(body.subarray(countsBytes, rowsEnd), tenants)) return undefined;
  index.noteSequence(sequence);
  index.end = position;
  index.indexBytes = headBytes + body.length;
  return index;
}
