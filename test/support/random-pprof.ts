// Random legal profiles that reach the corners of the format: ids in and out of order, inlined
// calls, labels, spans, repeated stacks, zero and negative values, both encodings of numbers.
import {
  encodePprof,
  type LocationInput,
  type PprofInput,
  type SampleInput,
  type Text,
} from '../fixtures/pprof-writer.ts';
import type { Random } from '../fixtures/random.ts';

const names: Text[] = ['', 'main', 'wörk', 'runtime.mallocgc', 'a.very/long/name.that.spans.words'];
const idStyles = ['ordered', 'shuffled', 'huge'] as const;

/** A legal pprof, not compressed. */
export function randomPprof(random: Random): Uint8Array<ArrayBuffer> {
  const pick = <T>(list: readonly T[]) => list[random.below(list.length)] as T;
  const rarely = <T>(value: T, others: T | number) => (random.below(30) ? others : value);
  const ids = (count: number): bigint[] => {
    const style = pick(idStyles);
    const list = Array.from({ length: count }, (_, i) =>
      style === 'huge' ? BigInt(random.below(2 ** 32)) * 2n ** 31n + BigInt(i + 1) : BigInt(i + 1),
    );
    if (style !== 'ordered') random.shuffle(list);
    return list;
  };
  const text = (): Text => (random.below(2) ? pick(names) : `name ${random.below(50)}`);
  const mappingIds = ids(random.below(4));
  const functionIds = ids(1 + random.below(30));
  const locationIds = ids(1 + random.below(pick([5, 60, 300])));
  const location = (id: bigint): LocationInput => ({
    id,
    mapping: mappingIds.length && random.below(3) ? pick(mappingIds) : 0,
    address: random.below(2) ? BigInt(random.below(2 ** 32)) * 2n ** 20n : 0,
    lines: Array.from({ length: pick([0, 1, 1, 1, 3]) }, () => ({
      function: pick(functionIds),
      line: pick([0, 7, 2n ** 33n, -1]),
    })),
    isFolded: random.below(9) === 0,
  });
  const typeCount = pick([1, 2, 4, 7]);
  const stacks = Array.from({ length: 1 + random.below(40) }, () =>
    Array.from({ length: random.below(pick([4, 30])) }, () => pick(locationIds)),
  );
  const labelled = random.below(2);
  const sample = (): SampleInput => ({
    locations: pick(stacks),
    values: Array.from({ length: typeCount }, () =>
      pick([0, 0, 1, random.below(1000), rarely(2n ** 53n + 1n, 300), rarely(-5, 20)]),
    ),
    labels: labelled ? randomLabels(random) : [],
  });
  const profile: PprofInput = {
    sampleTypes: Array.from({ length: typeCount }, (_, i) => [`type${i}`, pick(['count', ''])]),
    samples: Array.from({ length: random.below(pick([3, 200])) }, sample),
    mappings: mappingIds.map((id) => ({
      id,
      start: random.below(2 ** 31),
      limit: 2n ** 64n - 1n,
      offset: random.below(9),
      file: text(),
      buildId: text(),
      hasFunctions: random.below(2) === 1,
    })),
    functions: functionIds.map((id) => ({
      id,
      name: text(),
      systemName: text(),
      file: text(),
      startLine: pick([0, 12, 2n ** 40n]),
    })),
    locations: locationIds.map(location),
    timeNs: BigInt(random.below(2 ** 32)) * 1_000_000_007n,
    durationNs: pick([0n, 10_000_000_000n]),
    period: pick([0, 10_000_000, 2n ** 60n]),
    comments: Array.from({ length: random.below(3) }, text),
    defaultSampleType: text(),
    dropFrames: text(),
    keepFrames: text(),
    isUnpacked: random.below(3) === 0,
  };
  return encodePprof(profile);
}

function randomLabels(random: Random): NonNullable<SampleInput['labels']> {
  const hexDigits = (count: number) =>
    Array.from({ length: count }, () => '0123456789abcdefABCDEF'[random.below(22)]).join('');
  const kinds = [
    () => ({ key: `key ${random.below(4)}`, text: `value ${random.below(3)}` }),
    () => ({ key: 'bytes', number: random.below(4096), unit: 'bytes' }),
    () => ({ key: 'span_id', text: random.below(2) ? 'aaaaaaaaaaaaaaaa' : hexDigits(16) }),
    () => ({ key: 'profile_id', text: hexDigits(random.below(3) ? 16 : 15) }),
    () => ({ key: 'trace_id', text: hexDigits(random.below(3) ? 32 : 33) }),
    () => ({ key: '', text: 'no name' }),
    () => ({ key: 'empty', text: '' }),
  ];
  return Array.from({ length: random.below(5) }, () =>
    (kinds[random.below(kinds.length)] as (typeof kinds)[number])(),
  );
}
