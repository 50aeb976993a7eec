// Small legal profiles, and the same with something behind or inside that the tests are about.

import { encodePprof, type PprofInput, type SampleInput } from '../fixtures/pprof-writer.ts';
import { Writer } from '../fixtures/protobuf.ts';

const three: Pick<PprofInput, 'functions' | 'locations'> = {
  functions: [{ id: 1, name: 'f' }],
  locations: [
    { id: 1, lines: [{ function: 1 }] },
    { id: 2, lines: [{ function: 1, line: 4 }] },
  ],
};
const input = (changes: Partial<PprofInput> = {}): PprofInput => ({
  sampleTypes: [
    ['a', 'count'],
    ['b', 'count'],
  ],
  ...three,
  samples: [{ locations: [1, 2], values: [1, 2] }],
  ...changes,
});
/** A legal profile of two sample types, two locations and five strings. */
export const encode = (changes: Partial<PprofInput> = {}) => encodePprof(input(changes));
/** The same with other samples. */
export const samples = (...list: SampleInput[]) => encode({ samples: list });
/** The same with more bytes behind it. */
export const followed = (...more: number[]) => Uint8Array.of(...encode(), ...more);
/** The same with one more field behind it. */
export const withField = (field: number, body: Writer) =>
  Uint8Array.of(...encode(), ...new Writer().message(field, body).finish());
