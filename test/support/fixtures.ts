// The committed profiles of `test/fixtures`, read once each. What they are is told in the
// README beside them.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Every committed profile, by file name without `.pb.gz`. */
export const fixtureNames = [
  'go-block',
  'go-cpu',
  'go-cpu-labels',
  'go-goroutine',
  'go-heap-1',
  'go-heap-2',
  'go-mutex',
  'jvm-alloc',
  'jvm-cpu',
  'node-heap',
  'node-wall',
  'python-wall',
  'rust-cpu',
] as const;
export type FixtureName = (typeof fixtureNames)[number];

export interface Fixture {
  readonly name: FixtureName;
  /** As committed: gzip. Do not write into it. */
  readonly packed: Uint8Array;
  /** Inflated pprof. Do not write into it. */
  readonly plain: Uint8Array;
}

const loaded = new Map<FixtureName, Fixture>();

export function loadFixture(name: FixtureName): Fixture {
  const known = loaded.get(name);
  if (known) return known;
  const packed = new Uint8Array(
    readFileSync(new URL(`../fixtures/${name}.pb.gz`, import.meta.url)),
  );
  const fixture = { name, packed, plain: new Uint8Array(gunzipSync(packed)) };
  loaded.set(name, fixture);
  return fixture;
}

export function loadFixtures(): Fixture[] {
  return fixtureNames.map(loadFixture);
}
