// Pushed pprofs as plain rows: one per label set and sample type, with their samples spelled out.
// Part of the query model: shares no code with the product. Slow and simple on purpose; profiles
// must be legal.
import { decodeWire } from './wire-pprof.ts';

export interface ModelFrame {
  name: string;
  file: string;
  line: bigint;
}

export interface ModelSample {
  /** Root first, inlined calls expanded. */
  frames: ModelFrame[];
  value: bigint;
  /** 0n: none. */
  spanId: bigint;
  /** 32 hex digits in lower case, or empty. */
  traceId: string;
}

export interface ModelRow {
  tenant: string;
  /** Sorted by name. */
  labels: [name: string, value: string][];
  profileType: string;
  timeNs: bigint;
  /** 32 hex digits in lower case. */
  profileId: string;
  /** None is zero; equal stacks are not merged. */
  samples: ModelSample[];
}

export interface ModelPush {
  tenant: string;
  /** As sent. */
  labels: readonly (readonly [name: string, value: string])[];
  /** Not compressed. */
  profile: Uint8Array;
  /** The time of a profile that carries none. */
  receivedMs: number;
  /** 32 hex digits: what the store files the profile under. */
  profileId: string;
}

export const compareBytes = (a: string, b: string): number =>
  Buffer.compare(Buffer.from(a), Buffer.from(b));

const controlNames = ['__delta__', '__order__', '__otel__', '__session_id__'];
const typeNames = [
  '__type__',
  '__unit__',
  '__period_type__',
  '__period_unit__',
  '__profile_type__',
];

type Decoded = ReturnType<typeof decodeWire>;

/** 1971-01-01: what is older says no time. */
const ownTimeMinNs = 31_536_000_000_000_000n;

/** The rows that a push makes; a re-send makes none, which is for the caller to know. */
export function rowsOf({ tenant, labels, profile, receivedMs, profileId }: ModelPush): ModelRow[] {
  const decoded = decodeWire(profile);
  const text = (index: bigint) => decoded.stringTable.strings[Number(index)] as string;
  const own = new Map(labels.filter(([name, value]) => value && !controlNames.includes(name)));
  if (!own.has('service_name')) own.set('service_name', 'unknown_service');
  const period = periodTypeOf(profile).map(text);
  const timeNs = BigInt.asIntN(64, decoded.timeNanos);
  const framesOf = frameReader(decoded, text);
  const rows = new Map<string, ModelRow>();
  for (const sample of decoded.sample) {
    const values = sample.value.map((value) => BigInt.asIntN(64, value));
    if (values.some((value) => value < 0n)) continue;
    const { added, spanId, traceId } = sampleLabels(sample, text);
    const set = new Map(own);
    for (const [name, value] of added) {
      const isTaken = own.has(name) || controlNames.includes(name) || typeNames.includes(name);
      if (!isTaken) set.set(name, value);
    }
    const frames = sample.locationId.toReversed().flatMap(framesOf);
    for (const [type, value] of values.entries()) {
      if (value === 0n) continue;
      const names = decoded.sampleType[type] as Decoded['sampleType'][number];
      const sampleType = [text(names.type), text(names.unit)] as const;
      const labelled = withTypeLabels(set, sampleType, period);
      const key = JSON.stringify([type, labelled]);
      const profileType = labelled.find(([name]) => name === '__profile_type__')?.[1] as string;
      const row = rows.get(key) ?? {
        tenant,
        labels: labelled,
        profileType,
        timeNs: timeNs >= ownTimeMinNs ? timeNs : BigInt(receivedMs) * 1_000_000n,
        profileId,
        samples: [],
      };
      row.samples.push({ frames, value, spanId, traceId });
      rows.set(key, row);
    }
  }
  return [...rows.values()];
}

function withTypeLabels(
  labels: ReadonlyMap<string, string>,
  [type, unit]: readonly [string, string],
  period: readonly string[],
): [string, string][] {
  const [periodType = '', periodUnit = ''] = period;
  const set = new Map([...labels].filter(([name]) => !typeNames.includes(name)));
  const parts = [labels.get('__name__') ?? '', type, unit, periodType, periodUnit];
  set.set('__type__', type).set('__unit__', unit);
  set.set('__period_type__', periodType).set('__period_unit__', periodUnit);
  set.set('__profile_type__', parts.join(':'));
  return [...set].filter(([, value]) => value !== '').sort(([a], [b]) => compareBytes(a, b));
}

function sampleLabels({ label }: Decoded['sample'][number], text: (index: bigint) => string) {
  const added = new Map<string, string>();
  let spanId = 0n;
  let traceId = '';
  for (const { key, str } of label) {
    const [name, value] = [text(key), text(str)];
    if (name === 'span_id' || name === 'profile_id') {
      if (/^[0-9a-f]{16}$/i.test(value)) spanId = BigInt(`0x${value}`);
    } else if (name === 'trace_id') {
      if (/^[0-9a-f]{32}$/i.test(value)) traceId = /^0*$/.test(value) ? '' : value.toLowerCase();
    } else if (name !== '' && value !== '' && !added.has(name)) {
      added.set(name, value);
    }
  }
  return { added, spanId, traceId };
}

/** Frames of a location, outermost call first; one without lines is named by its address. */
function frameReader(profile: Decoded, text: (index: bigint) => string) {
  const isUnnumbered = profile.function.every(({ id }) => id === 0n);
  const functions = new Map(
    profile.function.map((one, i) => [isUnnumbered ? BigInt(i + 1) : one.id, one]),
  );
  const files = new Map(profile.mapping.map(({ id, filename }) => [id, text(filename)]));
  const frames = new Map<bigint, ModelFrame[]>();
  for (const { id, mappingId, address, line } of profile.location) {
    const expanded = line.toReversed().map((one): ModelFrame => {
      const fn = functions.get(one.functionId);
      if (fn === undefined) throw new Error(`the profile has no function ${one.functionId}`);
      return { name: text(fn.name), file: text(fn.filename), line: BigInt.asIntN(64, one.line) };
    });
    const binary = (files.get(mappingId) ?? '').split('/').at(-1) || 'unknown';
    const bare = { name: `${binary}!0x${address.toString(16)}`, file: '', line: 0n };
    frames.set(id, line.length > 0 ? expanded : [bare]);
  }
  return (id: bigint): ModelFrame[] => {
    const found = frames.get(id);
    if (found === undefined) throw new Error(`the profile has no location ${id}`);
    return found;
  };
}

/** String indexes of type and unit in field 11, which `decodeWire` leaves out; none: no period. */
function periodTypeOf(profile: Uint8Array): bigint[] {
  const varint = (bytes: Uint8Array, from: number): [value: bigint, end: number] => {
    let value = 0n;
    for (let i = 0; ; i++) {
      const byte = bytes[from + i] as number;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return [value, from + i + 1];
    }
  };
  const walk = (
    bytes: Uint8Array,
    visit: (field: number, value: bigint, body: Uint8Array) => void,
  ) => {
    for (let at = 0; at < bytes.length; ) {
      const [tag, afterTag] = varint(bytes, at);
      const wire = Number(tag & 7n);
      let value = 0n;
      let body = new Uint8Array(0);
      at = afterTag;
      if (wire === 0) [value, at] = varint(bytes, at);
      else if (wire === 2) {
        const [length, from] = varint(bytes, at);
        at = from + Number(length);
        body = Uint8Array.from(bytes.subarray(from, at));
      } else at += wire === 1 ? 8 : 4;
      visit(Number(tag >> 3n), value, body);
    }
  };
  let found: bigint[] = [];
  walk(profile, (field, _, body) => {
    if (field !== 11) return;
    // A repeated message is merged field by field.
    if (found.length === 0) found = [0n, 0n];
    walk(body, (inner, value) => {
      if (inner === 1 || inner === 2) found[inner - 1] = value;
    });
  });
  return found;
}
