// A block as a head would seal it from steady services, made in plain TypeScript so that the
// Parquet side can be measured by itself. Owns the numbering that `FORMAT.md` promises.
import { Profile } from 'pprof-format';
import type { Table } from '../../src/model/table.ts';
import { createRandom } from '../fixtures/random.ts';
import type { ModelBlock } from '../support/block-model.ts';
import { steadyService } from '../support/steady-service.ts';
import { tablesOf } from '../support/tables.ts';

export interface Shape {
  block: ModelBlock;
  tables: Table[];
  samples: number;
  /** Bytes of the gzipped pprofs that hold these samples. */
  pushedBytes: number;
}

export interface ShapeOptions {
  kind: 'cpu' | 'heap';
  services: number;
  profilesPerService: number;
}

/** A block under construction, with the ids of what it has by content, in order of first use. */
interface Builder {
  block: ModelBlock;
  nodes: Map<string, number>;
  locations: Map<string, number>;
  functions: Map<string, number>;
  /** Bytes that do not compress, as a hash is. */
  uuid: () => Uint8Array;
}

interface Line {
  name: string;
  file: string;
  line: bigint;
}

/** One block of `services` programs, each with symbols of its own. */
export function steadyShape({ kind, services, profilesPerService }: ShapeOptions): Shape {
  const random = createRandom(1);
  const builder: Builder = {
    block: {
      ...{ series: [], profiles: [], samples: [] },
      ...{ stacks: [], locations: [], functions: [], mappings: [] },
    },
    nodes: new Map(),
    locations: new Map(),
    functions: new Map(),
    uuid: () => Uint8Array.from({ length: 16 }, () => random.below(256)),
  };
  let pushedBytes = 0;
  for (let service = 0; service < services; service++) {
    const pushed = [...steadyService({ kind, count: profilesPerService, seed: service + 1 })];
    pushedBytes += pushed.reduce((sum, one) => sum + one.packed.length, 0);
    const profiles = pushed.map((one) => Profile.decode(one.plain));
    addService(builder, service, profiles);
  }
  const { block } = builder;
  return { block, tables: tablesOf(block), samples: block.samples.length, pushedBytes };
}

function addService(builder: Builder, service: number, profiles: readonly Profile[]): void {
  const { block } = builder;
  const start = BigInt(service) * 0x1234_5000n + 0x40_0000n;
  const [filename, buildId] = [`/usr/bin/service-${service}`, `${service}`.repeat(16)];
  block.mappings.push({ start, limit: start + 0xb39000n, offset: 0n, filename, buildId });
  const types = profiles[0]?.sampleType.length ?? 0;
  for (let type = 0; type < types; type++) {
    const [profileType, serviceName] = [`process:type-${type}`, `service-${service}`];
    const labels = [
      { name: '__profile_type__', value: profileType },
      { name: 'pod', value: `${serviceName}-7d9f8b6c5-x2x4z` },
      { name: 'service_name', value: serviceName },
    ];
    const fingerprint = (BigInt(block.series.length + 1) * 0x9e3779b97f4a7c15n) % 2n ** 64n;
    block.series.push({ profileType, serviceName, fingerprint, labels });
    for (const profile of profiles) addProfile(builder, service, profile, type);
  }
}

function addProfile(builder: Builder, service: number, profile: Profile, type: number): void {
  const { block, uuid } = builder;
  const id = block.profiles.length;
  block.profiles.push({
    series: block.series.length - 1,
    timeNs: BigInt(profile.timeNanos),
    durationNs: BigInt(profile.durationNanos),
    period: BigInt(profile.period),
    uuid: uuid(),
    comments: [],
  });
  const leaves = leavesOf(builder, service, profile, type);
  for (const [stack, value] of [...leaves].sort(([a], [b]) => a - b)) {
    block.samples.push({ profile: id, stack, value, spanId: undefined, traceId: undefined });
  }
}

/** Leaf node → value, over the samples that have one. */
function leavesOf(builder: Builder, service: number, profile: Profile, type: number) {
  const { block, nodes } = builder;
  const places = placesOf(builder, service, profile);
  const leaves = new Map<number, bigint>();
  for (const sample of profile.sample) {
    const value = BigInt(sample.value[type] ?? 0);
    if (value === 0n) continue;
    let node: number | undefined;
    for (const id of sample.locationId.toReversed()) {
      const parent = node;
      const location = places.get(Number(id));
      node = idOf(nodes, `${parent} ${location}`, () => block.stacks.push({ parent, location }));
    }
    if (node !== undefined) leaves.set(node, (leaves.get(node) ?? 0n) + value);
  }
  return leaves;
}

/** Location ids of the profile → those of the block. */
function placesOf(builder: Builder, service: number, profile: Profile): Map<number, number> {
  const { block, locations } = builder;
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)] ?? '';
  const functions = new Map(profile.function.map((one) => [Number(one.id), one]));
  const places = new Map<number, number>();
  for (const location of profile.location) {
    // Programs are loaded at different places: no two share an address.
    const address = BigInt(location.address) + BigInt(service) * 0x1234_5000n;
    const lines = location.line.map(({ functionId, line }) => {
      const fn = functions.get(Number(functionId));
      const name = `service${service}/${text(fn?.name ?? 0)}`;
      return lineOf(builder, { name, file: text(fn?.filename ?? 0), line: BigInt(line) });
    });
    const key = `${address} ${lines.map(({ fn, line }) => `${fn}:${line}`)}`;
    const add = () => block.locations.push({ mapping: service, address, isFolded: false, lines });
    places.set(Number(location.id), idOf(locations, key, add));
  }
  return places;
}

function lineOf({ block, functions }: Builder, { name, file, line }: Line) {
  const fn = { name, systemName: name, filename: file, startLine: 0n };
  return { fn: idOf(functions, `${name} ${file}`, () => block.functions.push(fn)), line };
}

/** The id of `key`; a new one is the next row number, and `add` makes the row. */
function idOf(ids: Map<string, number>, key: string, add: () => number): number {
  const known = ids.get(key);
  if (known !== undefined) return known;
  const id = add() - 1;
  ids.set(key, id);
  return id;
}
