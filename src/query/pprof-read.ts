// Reads the pprofs that the engine itself made: one sample type, no compression. Owns the decoding
// into flat stacks of function, file and line, for reports; it keeps nothing of labels or mappings.
// https://github.com/google/pprof/blob/main/proto/profile.proto
import type { QueryMeter } from '../model/source.ts';
import { type Field, fieldsOf, firstOf, packedOf } from './protobuf.ts';

export interface Frame {
  name: string;
  /** Empty when unknown. */
  file: string;
  /** 0 when unknown. */
  line: bigint;
}

export interface ReadProfile {
  /** Of each location, outermost call first. */
  frames: Frame[][];
  /** Stacks root first, as indexes into `frames`. */
  samples: { locations: number[]; value: bigint }[];
}

/** Fields between two looks at the clock. */
const fieldsPerPause = 4096;

/** Throws `corrupt` for bytes that are no pprof, and what the meter throws. */
export async function readPprof(bytes: Uint8Array, meter: QueryMeter): Promise<ReadProfile> {
  const tables: Record<number, Field[]> = { 2: [], 3: [], 4: [], 5: [], 6: [] };
  let count = 0;
  for (const field of fieldsOf(bytes)) {
    tables[field.number]?.push(field);
    if (++count % fieldsPerPause === 0) await meter.pause();
  }
  const table = (number: number) => tables[number] ?? [];
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const strings = table(6).map(({ bodyFrom, end }) =>
    decoder.decode(bytes.subarray(bodyFrom, end)),
  );
  await meter.pause();
  const text = (index: bigint) => strings[Number(index)] ?? '';
  const functions = new Map(
    table(5).map((field) => {
      const get = scalarsOf(bytes, field);
      return [get(1), { name: text(get(2)), file: text(get(4)) }] as const;
    }),
  );
  await meter.pause();
  const files = new Map(
    table(3).map((field) => {
      const get = scalarsOf(bytes, field);
      return [get(1), text(get(5))] as const;
    }),
  );
  const indexes = new Map<number, number>();
  const frames: Frame[][] = [];
  for (const field of table(4)) {
    const get = scalarsOf(bytes, field);
    indexes.set(Number(get(1)), frames.length);
    frames.push(framesOf(bytes, field, get(3), files.get(get(2)) ?? '', functions));
    if (frames.length % fieldsPerPause === 0) await meter.pause();
  }
  const samples: ReadProfile['samples'] = [];
  for (const field of table(2)) {
    samples.push(sampleOf(bytes, field, indexes));
    if (samples.length % (fieldsPerPause / 16) === 0) await meter.pause();
  }
  return { frames, samples };
}

function framesOf(
  bytes: Uint8Array,
  location: Field,
  address: bigint,
  mappingFile: string,
  functions: ReadonlyMap<bigint, { name: string; file: string }>,
): Frame[] {
  const frames: Frame[] = [];
  for (const field of fieldsOf(bytes, location.bodyFrom, location.end)) {
    if (field.number !== 4) continue;
    const get = scalarsOf(bytes, field);
    const known = functions.get(get(1)) ?? { name: '', file: '' };
    frames.push({ ...known, line: BigInt.asIntN(64, get(2)) });
  }
  // Spelled as in flame graphs, so that the two name the same thing.
  const binary = mappingFile.slice(mappingFile.lastIndexOf('/') + 1) || 'unknown';
  if (frames.length === 0) {
    frames.push({ name: `${binary}!0x${address.toString(16)}`, file: '', line: 0n });
  }
  return frames.reverse();
}

/** The varint fields of a message; absent ones are 0. */
function scalarsOf(bytes: Uint8Array, message: Field): (number: number) => bigint {
  const values: bigint[] = [];
  for (const { number, wire, value } of fieldsOf(bytes, message.bodyFrom, message.end)) {
    if (wire === 0 && number < 16) values[number] = value;
  }
  return (number) => values[number] ?? 0n;
}

/** Both packed and single numbers are legal; there is one value. */
function sampleOf(bytes: Uint8Array, message: Field, indexes: ReadonlyMap<number, number>) {
  const locations: number[] = [];
  let value = 0n;
  for (const field of fieldsOf(bytes, message.bodyFrom, message.end)) {
    const { number, wire, bodyFrom, end } = field;
    if (number === 1) {
      const ids = wire === 2 ? packedOf(bytes, bodyFrom, end) : [Number(field.value)];
      for (const id of ids) locations.push(indexes.get(id) ?? 0);
    } else if (number === 2) {
      value = BigInt.asIntN(64, wire === 2 ? firstOf(bytes, bodyFrom, end) : field.value);
    }
  }
  return { locations: locations.reverse(), value };
}
