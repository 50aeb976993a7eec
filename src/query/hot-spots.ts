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
/** More than any profile has; with fewer than 2^30 nodes a pair of ids stays below 2^53. */
const functionsMax = 2 ** 23;

interface Tally extends HotFunction {
  id: number;
  /** The last sample that counted for the total. */
  stamp: number;
  selfAt: Map<string, bigint>;
  totalAt: Map<string, bigint>;
}

/** Sums a profile by function and by path. Throws what the meter throws. */
export async function hotSpotsOf(profile: ReadProfile, meter: QueryMeter): Promise<HotSpots> {
  const tallies = new Map<string, Tally>();
  const paths = new PathSums();
  let total = 0n;
  for (const [index, { locations, value }] of profile.samples.entries()) {
    if (index % samplesPerPause === 0) await meter.pause();
    total += value;
    let path = 0;
    let leaf: Tally | undefined;
    let leafAt = '';
    for (const location of locations) {
      for (const frame of profile.frames[location] ?? []) {
        leaf = tallyOf(tallies, frame.name);
        leafAt = placeOf(frame);
        path = paths.child(path, leaf.id);
        if (leaf.stamp === index) continue;
        leaf.stamp = index;
        leaf.total += value;
        addTo(leaf.totalAt, leafAt, value);
      }
    }
    if (leaf !== undefined) {
      leaf.self += value;
      addTo(leaf.selfAt, leafAt, value);
    }
    paths.add(path, value, leafAt);
  }
  const all = [...tallies.values()];
  const names = all.map(({ name }) => name);
  const functions = all.map(({ name, self, total: sum, selfAt, totalAt }) => {
    return { name, self, total: sum, where: hottest(selfAt) || hottest(totalAt) };
  });
  functions.sort((a, b) => descending(a.self, b.self) || compareUtf8(a.name, b.name));
  return { total, pathCount: paths.count, functions, paths: paths.hottest(names) };
}

/** Larger first. */
export function descending(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a > b ? -1 : 1;
}

function tallyOf(tallies: Map<string, Tally>, frameName: string): Tally {
  const name = shownName(frameName);
  let tally = tallies.get(name);
  if (tally === undefined) {
    const maps = { selfAt: new Map<string, bigint>(), totalAt: new Map<string, bigint>() };
    tally = { name, self: 0n, total: 0n, where: '', id: tallies.size, stamp: -1, ...maps };
    tallies.set(name, tally);
  }
  return tally;
}

function placeOf({ file, line }: Frame): string {
  if (file === '') return '';
  return line > 0n ? `${file}:${line}` : file;
}

function addTo(sums: Map<string, bigint>, key: string, value: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + value);
}

/** The place with the largest sum; of equal ones the first by bytes. */
function hottest(sums: ReadonlyMap<string, bigint>): string {
  let best = '';
  let most = -1n;
  for (const [place, sum] of sums) {
    if (place === '') continue;
    if (sum > most || (sum === most && compareUtf8(place, best) < 0)) {
      best = place;
      most = sum;
    }
  }
  return best;
}

/** Sums by path: nodes of a tree of function ids; node 0 is the empty stack. */
class PathSums {
  readonly #parents = [0];
  readonly #ids = [-1];
  readonly #children = new Map<number, number>();
  readonly #sums = new Map<number, { value: bigint; places: Map<string, bigint> }>();

  get count(): number {
    return this.#sums.size;
  }

  child(parent: number, id: number): number {
    const key = parent * functionsMax + id;
    let node = this.#children.get(key);
    if (node === undefined) {
      node = this.#parents.push(parent) - 1;
      this.#ids.push(id);
      this.#children.set(key, node);
    }
    return node;
  }

  add(node: number, value: bigint, place: string): void {
    const sum = this.#sums.get(node) ?? { value: 0n, places: new Map<string, bigint>() };
    sum.value += value;
    addTo(sum.places, place, value);
    this.#sums.set(node, sum);
  }

  hottest(names: readonly string[]): HotPath[] {
    const sorted = [...this.#sums].sort(([, a], [, b]) => descending(a.value, b.value));
    // Equal values around the cut are all spelled out, so that bytes decide and not arrival.
    const least = sorted[pathsMax - 1]?.[1].value ?? 0n;
    const candidates = sorted.filter(([, { value }]) => value >= least).slice(0, 10 * pathsMax);
    const spelled = candidates.map(([node, { value, places }]) => {
      const path = this.#names(node, names);
      return { names: path, value, where: hottest(places), key: path.join('\n') };
    });
    spelled.sort((a, b) => descending(a.value, b.value) || compareUtf8(a.key, b.key));
    return spelled.slice(0, pathsMax).map(({ key: _, ...path }) => path);
  }

  #names(node: number, names: readonly string[]): string[] {
    if (node === 0) return [noStackName];
    const path: string[] = [];
    for (let at = node; at !== 0; at = this.#parents[at] as number) {
      path.push(names[this.#ids[at] as number] as string);
    }
    return path.reverse();
  }
}
