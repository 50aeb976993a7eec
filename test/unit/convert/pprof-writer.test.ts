// The pprof writer against the fixtures' encoder and an independent decoder.
import fc from 'fast-check';
import { Profile } from 'pprof-format';
import { expect, it } from 'vitest';
import { PprofWriter } from '../../../src/convert/pprof-writer.ts';
import { ProtobufWriter, varintBytes } from '../../../src/lib/protobuf-writer.ts';
import { encodePprof } from '../../fixtures/pprof-writer.ts';
import { Writer } from '../../fixtures/protobuf.ts';

const cpu = { type: 'cpu', unit: 'nanoseconds' };

it('writes every field where pprof has it', () => {
  const writer = new PprofWriter(
    {
      sampleTypes: [{ type: 'samples', unit: 'count' }, cpu],
      periodType: cpu,
      period: 10_000_000n,
      timeNs: 1_767_312_000_123_456_789n,
      durationNs: 10_000_000_000n,
      comments: ['made by a test'],
      defaultSampleType: 'cpu',
    },
    1 << 20,
  );
  const mapping = writer.addMapping({
    start: 4096n,
    limit: 0xffff_ffff_ff60_1000n,
    offset: 1,
    filename: '/bin/shop',
    buildId: 'abc',
    hasFunctions: true,
  });
  const main = writer.addFunction({ name: 'main', filename: 'main.go', startLine: 3 });
  const pay = writer.addFunction({ name: 'pay', systemName: '_pay', filename: 'pay.go' });
  const root = writer.addLocation({ mapping, address: 5000, lines: [{ function: main, line: 7 }] });
  const leaf = writer.addLocation({ lines: [{ function: pay }, { function: main, line: 9 }] });
  writer.addSample({ locations: [leaf, root], values: [1n, 2n ** 62n] });
  writer.addSample({ locations: [root], values: [3, -1n] });
  expect(writer.sampleCount).toBe(2);
  expect(writer.finish()).toEqual(
    encodePprof({
      sampleTypes: [
        ['samples', 'count'],
        ['cpu', 'nanoseconds'],
      ],
      mappings: [
        {
          id: 1,
          start: 4096,
          limit: 0xffff_ffff_ff60_1000n,
          offset: 1,
          file: '/bin/shop',
          buildId: 'abc',
          hasFunctions: true,
        },
      ],
      functions: [
        { id: 1, name: 'main', file: 'main.go', startLine: 3 },
        { id: 2, name: 'pay', systemName: '_pay', file: 'pay.go' },
      ],
      locations: [
        { id: 1, mapping: 1, address: 5000, lines: [{ function: 1, line: 7 }] },
        { id: 2, lines: [{ function: 2 }, { function: 1, line: 9 }] },
      ],
      samples: [
        { locations: [2, 1], values: [1n, 2n ** 62n] },
        { locations: [1], values: [3, -1n] },
      ],
      periodType: ['cpu', 'nanoseconds'],
      period: 10_000_000,
      timeNs: 1_767_312_000_123_456_789n,
      durationNs: 10_000_000_000n,
      comments: ['made by a test'],
      defaultSampleType: 'cpu',
    }),
  );
});

it('writes labels of both kinds', () => {
  const writer = new PprofWriter({ sampleTypes: [cpu] }, 1 << 20);
  const labels = [
    { key: 'thread', text: 'main' },
    { key: 'bytes', number: -5n, unit: 'bytes' },
  ];
  writer.addSample({ locations: [], values: [1], labels });
  const profile = Profile.decode(writer.finish());
  const { strings } = profile.stringTable;
  const read = profile.sample[0]?.label.map((label) => [
    strings[Number(label.key)],
    strings[Number(label.str)],
    BigInt.asIntN(64, BigInt(label.num)),
    strings[Number(label.numUnit)],
  ]);
  expect(read).toEqual([
    ['thread', 'main', 0n, ''],
    ['bytes', '', -5n, 'bytes'],
  ]);
});

it('refuses the call that takes the profile over its bound', () => {
  const writer = new PprofWriter({ sampleTypes: [cpu] }, 100);
  writer.addFunction({ name: 'a'.repeat(40) });
  expect(() => writer.addFunction({ name: 'b'.repeat(40) })).toThrowError(
    'converted profile is more than 100 bytes, the limit',
  );
});

it('encodes numbers of every size as the fixtures do', () => {
  const number = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n), fc.maxSafeNat(), fc.nat());
  fc.assert(
    fc.property(fc.array(number), number, (values, one) => {
      const out = new ProtobufWriter();
      out.packed(2, values);
      out.number(3, one);
      const model = new Writer().packed(2, values).number(3, one).finish();
      expect(new Uint8Array(out.view())).toEqual(model);
      expect(varintBytes(one)).toBe(new Writer().varint(one).finish().length);
    }),
  );
});
