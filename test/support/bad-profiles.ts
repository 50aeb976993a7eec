// Profiles that must be refused, each with the reason that the metric counts and what the message
// must say: the value, and the bound where there is one.
import { gzipSync } from 'node:zlib';
import { encodePprof, type PprofInput } from '../fixtures/pprof-writer.ts';
import { Writer } from '../fixtures/protobuf.ts';
import { loadFixture } from './fixtures.ts';

export interface BadProfile {
  name: string;
  bytes: Uint8Array;
  reason: string;
  message: RegExp;
}

const good: PprofInput = {
  sampleTypes: [['cpu', 'nanoseconds']],
  samples: [{ locations: [1], values: [1] }],
  locations: [{ id: 1, lines: [{ function: 1 }] }],
  functions: [{ id: 1, name: 'main' }],
};
const { packed, plain } = loadFixture('go-cpu');
const malformed = 'malformed_profile';

/** `good` with a field written once more at the end: the last scalar wins. */
function withTail(write: (out: Writer) => void): Uint8Array {
  const tail = new Writer();
  write(tail);
  return concat(encodePprof(good), tail.finish());
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * Profiles that are taken without what is wrong with them: of each, `storedCount` samples are
 * stored, `danglingCount` dropped and counted.
 */
export function mendedProfiles() {
  const twoSamples = [
    { locations: [1], values: [1] },
    { locations: [1, 2], values: [1] },
  ];
  const main = { id: 1, lines: [{ function: 1 }] };
  const mended = (name: string, bytes: Uint8Array, storedCount: number, danglingCount: number) => ({
    ...{ name, bytes, storedCount, danglingCount },
  });
  return [
    mended('a dangling location', encodePprof({ ...good, samples: twoSamples }), 1, 1),
    mended(
      'a dangling function',
      encodePprof({
        ...good,
        samples: twoSamples,
        locations: [main, { id: 2, lines: [{ function: 9 }] }],
      }),
      1,
      1,
    ),
    mended(
      'a dangling mapping',
      encodePprof({
        ...good,
        samples: twoSamples,
        locations: [main, { id: 2, mapping: 5, address: 16 }],
      }),
      1,
      1,
    ),
    mended(
      'a location that says nothing',
      encodePprof({ ...good, samples: twoSamples, locations: [main, { id: 2 }] }),
      1,
      1,
    ),
    mended(
      'nothing but dangling locations',
      encodePprof({ ...good, samples: [{ locations: [77], values: [1] }] }),
      0,
      1,
    ),
    mended(
      'a default sample type that is not there',
      withTail((out) => out.number(14, 77)),
      1,
      0,
    ),
  ];
}

/** Every way in which one profile of a push is refused by its own fault. */
export function badProfiles(): BadProfile[] {
  return [...notProfiles(), ...brokenProfiles(), ...profilesOverLimits()];
}

function bad(name: string, bytes: Uint8Array, message: RegExp, reason = malformed): BadProfile {
  return { name, bytes, reason, message };
}

function notProfiles(): BadProfile[] {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(64 * 2 ** 20)));
  const corrupt = packed.slice();
  corrupt.fill(0xff, 1_000, 1_100);
  return [
    bad('no bytes', new Uint8Array(), /profile is empty/),
    bad('a gzip header alone', packed.slice(0, 10), /gzip/),
    bad('cut gzip', packed.slice(0, -20), /gzip/),
    bad('corrupt gzip', corrupt, /gzip/),
    bad('a gzip bomb', bomb, /inflates? .*4194304/, 'profile_size_limit'),
    bad(
      'too many plain bytes',
      new Uint8Array(4 * 2 ** 20 + 1),
      /4194305 bytes, limit 4194304/,
      'profile_size_limit',
    ),
    bad('text', new TextEncoder().encode('hello, this is no profile'), /./),
    bad('a cut profile', plain.slice(0, 5_000), /./),
  ];
}

function brokenProfiles(): BadProfile[] {
  return [
    bad('no sample type', encodePprof({ ...good, sampleTypes: [], samples: [] }), /sample type/),
    bad(
      'a location given twice',
      encodePprof({ ...good, locations: [{ id: 1 }, { id: 1 }] }),
      /location id 1/,
    ),
    bad(
      'a location id of zero',
      encodePprof({ ...good, locations: [{ id: 0 }, { id: 1 }] }),
      /location 0 has id 0/,
    ),
    bad(
      'a string index past 32 bits',
      withTail((out) => out.message(1, new Writer().number(1, 2n ** 32n + 1n))),
      /4294967297/,
    ),
    bad(
      'too few values',
      encodePprof({ ...good, samples: [{ locations: [1], values: [] }] }),
      /0 values?.*1/,
    ),
    bad(
      'too many values',
      encodePprof({ ...good, samples: [{ locations: [1], values: [1, 2] }] }),
      /2 values.*1|1.*2 values/,
    ),
    bad(
      'a sum past 64 bits',
      encodePprof({
        ...good,
        samples: [
          { locations: [1], values: [2n ** 63n - 1n] },
          { locations: [], values: [1n] },
        ],
      }),
      /9223372036854775807/,
    ),
    bad(
      'a length past the end',
      concat(encodePprof(good), new Uint8Array([0x12, 0xff, 0xff, 0xff, 0xff, 0x07])),
      /./,
    ),
    bad(
      'a varint that does not end',
      concat(encodePprof(good), new Uint8Array(12).fill(0xff)),
      /./,
    ),
    bad('a group', concat(encodePprof(good), new Uint8Array([0x0b])), /./),
  ];
}

function profilesOverLimits(): BadProfile[] {
  return [
    bad(
      'a dash in a sample type',
      encodePprof({ ...good, sampleTypes: [['inuse-space', 'bytes']] }),
      /"inuse-space" contains "-"/,
    ),
    bad(
      'too many samples',
      encodePprof({
        ...good,
        samples: Array.from({ length: 16_001 }, () => ({ locations: [1], values: [1] })),
      }),
      /16001 samples, limit 16000/,
      'samples_limit',
    ),
    bad(
      'too many sample labels',
      encodePprof({
        ...good,
        samples: [
          {
            locations: [1],
            values: [1],
            labels: Array.from({ length: 101 }, (_, i) => ({ key: `k${i}`, text: 'v' })),
          },
        ],
      }),
      /101 labels, limit 100/,
      'sample_labels_limit',
    ),
    bad(
      'a sample label that is too long',
      encodePprof({
        ...good,
        samples: [{ locations: [1], values: [1], labels: [{ key: 'k', text: 'v'.repeat(2_049) }] }],
      }),
      /"k" is 2049 bytes, limit 2048/,
      'label_value_too_long',
    ),
  ];
}
