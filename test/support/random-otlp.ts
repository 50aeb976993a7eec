// Random OTLP requests of the model, now and then with an index that leads nowhere.
import type {
  OtlpDictionary,
  OtlpLocation,
  OtlpProfile,
  OtlpRequest,
  OtlpType,
} from '../../src/convert/otlp-model.ts';
import type { Random } from '../fixtures/random.ts';

const words = ['', 'samples', 'count', 'cpu', 'nanoseconds', 'off_cpu', 'wall', 'service.name'];
const types: OtlpType[] = [
  { type: 1, unit: 2 },
  { type: 5, unit: 4 },
  { type: 6, unit: 4 },
  { type: 3, unit: 4 },
];

/** What both layouts can say; with `isNew` also what only 1.10 can: texts by index. */
export function randomOtlp(random: Random, isNew: boolean): OtlpRequest {
  const { some } = chooser(random);
  const resources = some(3, () => ({
    attributes: attributes(random, isNew),
    scopes: some(2, () => ({
      attributes: attributes(random, isNew),
      profiles: some(3, () => profile(random, isNew)),
    })),
  }));
  const tables = dictionary(random, isNew);
  return { resources, dictionary: random.below(30) === 0 ? undefined : tables };
}

function chooser(random: Random) {
  const some = <T>(max: number, make: () => T): T[] =>
    Array.from({ length: random.below(max + 1) }, make);
  const index = () => (random.below(200) === 0 ? 99 : random.below(3));
  const word = () => (random.below(300) === 0 ? 99 : random.below(words.length));
  return { some, index, word };
}

function textOf(random: Random, isNew: boolean) {
  const place = random.below(words.length);
  const isIndex = isNew && place > 0 && random.below(2) === 0;
  return isIndex ? { text: '', strindex: place } : { text: words[place] ?? '', strindex: 0 };
}

function valueOrNone(random: Random, isNew: boolean) {
  return random.below(5) === 0 ? undefined : textOf(random, isNew);
}

function attributes(random: Random, isNew: boolean) {
  return chooser(random).some(4, () => ({
    key: textOf(random, isNew),
    value: valueOrNone(random, isNew),
  }));
}

function dictionary(random: Random, isNew: boolean): OtlpDictionary {
  const { some, index, word } = chooser(random);
  const table = <T>(zero: T, make: () => T): T[] => [zero, ...some(5, make)];
  const id = (bytes: number) => (random.below(3) === 0 ? '' : 'a5'.repeat(bytes));
  const noMapping = { start: 0n, limit: 0n, offset: 0n, filename: 0, attributes: [] as number[] };
  const noFunction = { name: 0, systemName: 0, filename: 0, startLine: 0n };
  return {
    strings: [...words, ...some(3, () => 'größe')],
    mappings: table(noMapping, () => ({
      start: BigInt(random.below(1000)),
      limit: 2n ** 63n + BigInt(random.below(1000)),
      offset: 0n,
      filename: word(),
      attributes: some(2, index),
    })),
    locations: table<OtlpLocation>({ mapping: 0, address: 0n, lines: [] }, () => ({
      mapping: index(),
      address: BigInt(random.below(1 << 30)) << 33n,
      lines: some(3, () => ({ function: index(), line: BigInt(random.below(90)) })),
    })),
    functions: table(noFunction, () => {
      return { name: word(), systemName: word(), filename: word(), startLine: -1n };
    }),
    links: table({ traceId: '', spanId: '' }, () => ({ traceId: id(16), spanId: id(8) })),
    attributes: table<OtlpDictionary['attributes'][number]>(
      { key: { text: '', strindex: 0 }, value: undefined },
      () => ({ key: { text: '', strindex: word() }, value: valueOrNone(random, isNew) }),
    ),
    stacks: table<readonly number[]>([], () => some(6, index)),
  };
}

function profile(random: Random, isNew: boolean): OtlpProfile {
  const { some, index } = chooser(random);
  const type = () => (random.below(12) === 0 ? undefined : types[random.below(types.length)]);
  return {
    sampleType: type(),
    periodType: type(),
    period: BigInt(random.below(3)),
    timeNs: BigInt(random.below(2)) * 1_700_000_000_123_456_789n,
    durationNs: BigInt(random.below(1000)),
    samples: some(5, () => ({
      stack: index(),
      attributes: some(3, index),
      link: random.below(4) === 0 ? index() : 0,
      value: BigInt(random.below(1 << 30)) << BigInt(random.below(24)),
      // Beside values of 1.9 alone they would leave the layout undecided.
      timestampCount: isNew ? random.below(3) : 0,
    })),
  };
}
