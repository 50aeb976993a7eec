// What is hot in a profile: functions by self and total with the place in the source, and whole
// paths. Owns the sums; `report.ts` writes them down. Recursion is counted once a stack.
import { compareUtf8 } from '../lib/compare-utf8.ts';
import type { QueryMeter } from '../model/source.ts';
import { noStackName, shownName } from './call-tree.ts';
import type { Frame, ReadProfile } from './pprof-read.ts';

export interface HotFunction {
  name: string;
  self: bigint;
  total: bigint;
  /** `file:line` of its hottest line; empty when unknown. */
  where: string;
}

export interface HotPath {
  /** Root first. */
  names: string[];
  value: bigint;
  where: string;
}

export interface HotSpots {
  total: bigint;
  /** Distinct by function names. */
  pathCount: number;
  /** By self, then by name. */
  functions: HotFunction[];
  /** The hottest ones, most first. */
  paths: HotPath[];
}

/** Paths that are spelled out. */
const pathsMax = 200;
const samplesPerPause = 256;

interface Tally {
  id: number;
  name: string;
  self: bigint;
  total: bigint;
  /** The last sample that counted for the total. */
  stamp: number;
  spots: Spot[];
}

/** A function at one place in the source. */
interface Spot {
  tally: Tally;
  place: string;
  self: bigint;
  total: bigint;
}

/** Sums a profile by function and by path. Throws what the meter throws. */
export async function hotSpotsOf(profile: ReadProfile, meter: QueryMeter): Promise<HotSpots> {
  const { tallies, spotsOf } = spotsByLocation(profile);
  const paths = new PathSums();
  let total = 0n;
  for (const [index, { locations, value }] of profile.samples.entries()) {
    if (index % samplesPerPause === 0) await meter.pause();
    total += value;
    const path: number[] = [];
    let leaf: Spot | undefined;
    for (const location of locations) {
      for (const spot of spotsOf[location] ?? []) {
        const { tally } = spot;
        leaf = spot;
        path.push(tally.id);
        if (tally.stamp === index) continue;
        tally.stamp = index;
        tally.total += value;
        spot.total += value;
      }
    }
    if (leaf !== undefined) {
      leaf.tally.self += value;
      leaf.self += value;
    }
    paths.add(path, value, leaf?.place ?? '');
  }
  const functions = tallies.map(({ name, self, total: sum, spots }): HotFunction => {
    return { name, self, total: sum, where: hottestOf(spots) };
  });
  functions.sort((a, b) => descending(a.self, b.self) || compareUtf8(a.name, b.name));
  const names = tallies.map(({ name }) => name);
  return { total, pathCount: paths.count, functions, paths: paths.hottest(names) };
}

/** Functions and places are looked up once a location, not once a sample. */
function spotsByLocation(profile: ReadProfile): { tallies: Tally[]; spotsOf: Spot[][] } {
  const tallies = new Map<string, Tally>();
  const spots = new Map<string, Spot>();
  const spotOf = (frame: Frame): Spot => {
    const name = shownName(frame.name);
    const place = placeOf(frame);
    const key = `${name.length}:${name}${place}`;
    let spot = spots.get(key);
    if (spot === undefined) {
      const fresh = { id: tallies.size, name, self: 0n, total: 0n, stamp: -1, spots: [] };
      const tally: Tally = tallies.get(name) ?? fresh;
      tallies.set(name, tally);
      spot = { tally, place, self: 0n, total: 0n };
      tally.spots.push(spot);
      spots.set(key, spot);
    }
    return spot;
  };
  const spotsOf = profile.frames.map((frames) => frames.map(spotOf));
  return { tallies: [...tallies.values()], spotsOf };
}

/** The place with the largest self, then total; of equal ones the first by bytes. */
function hottestOf(spots: readonly Spot[]): string {
  const known = spots.filter(({ place }) => place !== '');
  known.sort(
    (a, b) =>
      descending(a.self, b.self) || descending(a.total, b.total) || compareUtf8(a.place, b.place),
  );
  return known[0]?.place ?? '';
}

/** Larger first. */
export function descending(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a > b ? -1 : 1;
}

function placeOf({ file, line }: Frame): string {
  if (file === '') return '';
  return line > 0n ? `${file}:${line}` : file;
}

/** Sums by path: stacks that differ only in lines are one path. */
class PathSums {
  /** By the ids of the functions, joined. */
  readonly #sums = new Map<string, { value: bigint; places: Map<string, bigint> }>();

  get count(): number {
    return this.#sums.size;
  }

  add(ids: readonly number[], value: bigint, place: string): void {
    const key = ids.join();
    let sum = this.#sums.get(key);
    if (sum === undefined) {
      sum = { value: 0n, places: new Map() };
      this.#sums.set(key, sum);
    }
    sum.value += value;
    sum.places.set(place, (sum.places.get(place) ?? 0n) + value);
  }

  hottest(names: readonly string[]): HotPath[] {
    const sorted = [...this.#sums].sort(([, a], [, b]) => descending(a.value, b.value));
    // Equal values around the cut are all spelled out, so that bytes decide and not arrival.
    const least = sorted[pathsMax - 1]?.[1].value ?? 0n;
    const spelled = sorted
      .filter(([, { value }]) => value >= least)
      .map(([key, { value, places }]) => {
        const path =
          key === '' ? [noStackName] : key.split(',').map((id) => names[Number(id)] ?? '');
        return { names: path, value, where: hottestPlace(places), key: path.join('\n') };
      });
    spelled.sort((a, b) => descending(a.value, b.value) || compareUtf8(a.key, b.key));
    return spelled.slice(0, pathsMax).map(({ key: _, ...path }) => path);
  }
}

/** The place with the largest sum; of equal ones the first by bytes. */
function hottestPlace(sums: ReadonlyMap<string, bigint>): string {
  const known = [...sums].filter(([place]) => place !== '');
  known.sort(([a, x], [b, y]) => descending(x, y) || compareUtf8(a, b));
  return known[0]?.[0] ?? '';
}
