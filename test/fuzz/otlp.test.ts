// Random OTLP requests: the same in both layouts and in JSON; mutated ones through the door, which
// answers from its table and never with a bug of ours; and requests that mean much more than they
// are. `PHLOX_FUZZ` sets how many; `PHLOX_FUZZ_SEED` repeats a run.
import { describe, expect, it } from 'vitest';
import { decodeOtlpBinary } from '../../src/convert/otlp-binary.ts';
import { decodeOtlpJson } from '../../src/convert/otlp-json.ts';
import type { OtlpRequest } from '../../src/convert/otlp-model.ts';
import { finish } from '../../src/lib/steps.ts';
import { Writer } from '../fixtures/protobuf.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { createApiServer } from '../support/api-server.ts';
import { decodeExpected } from '../support/oracle.ts';
import { encodeOtlp, encodeOtlpJson, type Layout } from '../support/otlp-encode.ts';
import {
  convertAll,
  keyValue,
  otlpPath,
  sample19,
  text,
  tinyDictionary,
  tinyProfile,
  tinyResource,
} from '../support/otlp-requests.ts';
import { randomOtlp } from '../support/random-otlp.ts';

const rounds = Math.ceil(Number(process.env['PHLOX_FUZZ'] ?? 2_000) / 2);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
console.log(`PHLOX_FUZZ_SEED=${seed}`);

function outcomes(request: OtlpRequest): unknown[] {
  if (request.resources.length === 0) return [];
  return convertAll(request).map(({ index, failure, pushed }) => ({
    index,
    message: failure?.message,
    pushed: pushed.map(({ labels, body }) => [labels, Buffer.from(body).toString('hex')]),
  }));
}

it(`layouts and encodings of one request become the same, ${rounds} times, seed ${seed}`, () => {
  let stored = 0;
  for (let round = 0; round < rounds; round++) {
    const random = createRandom(seed + round);
    const isNew = random.below(2) === 0;
    const request = randomOtlp(random, isNew);
    const expected = outcomes(request);
    const layouts: Layout[] = isNew ? ['1.10'] : ['1.9', '1.10'];
    for (const layout of layouts) {
      const found = outcomes(finish(decodeOtlpBinary(encodeOtlp(request, layout))));
      expect(found, `seed ${seed + round}, layout ${layout}`).toEqual(expected);
    }
    const found = outcomes(finish(decodeOtlpJson(encodeOtlpJson(request))));
    expect(found, `seed ${seed + round}, json`).toEqual(expected);
    for (const { pushed } of request.resources.length === 0 ? [] : convertAll(request)) {
      for (const { body } of pushed) decodeExpected(body);
      stored += pushed.length;
    }
  }
  expect(stored).toBeGreaterThan(rounds / 10);
}, 120_000);

function mutated(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let out: number[] = [...bytes];
  for (let i = 1 + random.below(4); i > 0; i--) {
    const at = random.below(out.length + 1);
    const what = random.below(5);
    if (what === 0) out.splice(at, 1 + random.below(20));
    else if (what === 1) out.splice(at, 0, ...out.slice(0, random.below(60)));
    else if (what === 2) out[at] = random.below(256);
    else if (what === 3) out.splice(at, 1, ...Array.from({ length: random.below(11) }, () => 0xff));
    else out = out.slice(0, at);
  }
  return Uint8Array.from(out);
}

describe.each(['application/x-protobuf', 'application/json'])('mutants of %s', (type) => {
  it(`are answered as the table says, ${rounds} times, seed ${seed}`, async () => {
    const server = await createApiServer();
    for (let round = 0; round < rounds; round++) {
      const random = createRandom(seed + round);
      const request = randomOtlp(random, true);
      const isJson = type === 'application/json';
      const body = mutated(isJson ? encodeOtlpJson(request) : encodeOtlp(request, '1.10'), random);
      const init = { method: 'POST', headers: { 'content-type': type }, body };
      const response = await server.send(otlpPath, init);
      const answer = await response.text();
      expect([200, 400], `seed ${seed + round}: ${answer}`).toContain(response.status);
      for (const { profiles } of server.ingester.pushes.splice(0)) {
        for (const one of profiles) decodeExpected(one.body);
      }
    }
  }, 120_000);
});

const many = (count: number, make: (i: number) => Writer) =>
  Array.from({ length: count }, (_, i) => make(i));

/** A dictionary whose stack 2 is `length` frames of location 1. */
function deep(length: number): Writer {
  return tinyDictionary().message(7, new Writer().packed(1, new Array(length).fill(1)));
}

function request(resources: readonly Writer[], dictionary: Writer): Uint8Array<ArrayBuffer> {
  const out = new Writer();
  for (const one of resources) out.message(1, one);
  return out.message(2, dictionary).finish();
}

const onStack2 = new Writer().number(1, 2).packed(2, [1]);
const nowhere = new Writer().number(1, 9).packed(2, [1]);

/** Requests that ask for much more work or memory than they are long. */
const hostile: [string, () => Uint8Array<ArrayBuffer>][] = [
  [
    'one long stack in many profiles',
    () =>
      request(
        [tinyResource(many(20_000, () => tinyProfile({ samples: [onStack2] })))],
        deep(1 << 20),
      ),
  ],
  [
    'one long stack in many profiles that are wrong at their end',
    () => {
      const samples = [onStack2, nowhere];
      return request([tinyResource(many(20_000, () => tinyProfile({ samples })))], deep(1 << 20));
    },
  ],
  [
    'one long name in many profiles',
    () => {
      const dictionary = tinyDictionary()
        .string(5, 'x'.repeat(3 << 20))
        .message(3, new Writer().number(1, 10))
        .message(2, new Writer().message(3, new Writer().number(1, 2)))
        .message(7, new Writer().packed(1, [2]));
      return request(
        [tinyResource(many(20_000, () => tinyProfile({ samples: [onStack2] })))],
        dictionary,
      );
    },
  ],
  [
    'one long label in many profiles',
    () => {
      const attributes = [keyValue('a', text('x'.repeat(3 << 20)))];
      return request(
        [
          tinyResource(
            many(20_000, () => tinyProfile()),
            attributes,
          ),
        ],
        tinyDictionary(),
      );
    },
  ],
  [
    'many attributes of many scopes',
    () => {
      const resource = tinyResource(
        [],
        many(100_000, (i) => keyValue(`a${i}`, text('x'))),
      );
      for (let i = 0; i < 100_000; i++) resource.message(2, new Writer());
      return request([resource], tinyDictionary());
    },
  ],
  [
    'a service for every sample',
    () => {
      const dictionary = tinyDictionary().string(5, 'service.name');
      for (let i = 0; i < 50_000; i++) {
        dictionary.message(6, new Writer().number(1, 10).message(2, text(`s${i}`)));
      }
      const samples = many(50_000, (i) => sample19([1], { attributes: [i + 2] }));
      return request([tinyResource([tinyProfile({ samples })])], dictionary);
    },
  ],
  [
    'many empty messages',
    () => new Uint8Array((8 << 20) * 2).fill(0).map((_, i) => (i % 2 ? 0 : 0x0a)),
  ],
  ['a length of 2^31', () => Uint8Array.of(0x0a, 0x80, 0x80, 0x80, 0x80, 0x08)],
  ['a length of 2^63', () => Uint8Array.of(0x0a, ...new Array(9).fill(0xff), 0x01)],
  ['a number without an end', () => new Uint8Array(1 << 20).fill(0xff)],
];

it.each(hostile)(
  '%s are bounded in time and answer',
  async (_, make) => {
    const server = await createApiServer({ requestBytesMax: 1 << 25, inflightBytesMax: 1 << 28 });
    const headers = { 'content-type': 'application/x-protobuf' };
    const body = make();
    const startMs = performance.now();
    const response = await server.send(otlpPath, { method: 'POST', headers, body });
    expect([200, 400], await response.text()).toContain(response.status);
    // Many times what it takes alone: what is quadratic takes minutes.
    expect(performance.now() - startMs).toBeLessThan(30_000);
    const bytes = server.ingester.pushes.flatMap(({ profiles }) =>
      profiles.map((one) => one.body.length),
    );
    expect(bytes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1 << 25);
  },
  90_000,
);

it('nested lists of json are bounded in time and answer', async () => {
  const server = await createApiServer({ requestBytesMax: 1 << 25 });
  for (const unit of ['[', '{"a":', '[],', '"",']) {
    const body = new TextEncoder().encode(`{"resourceProfiles":[${unit.repeat(1_000_000)}`);
    const headers = { 'content-type': 'application/json' };
    const response = await server.send(otlpPath, { method: 'POST', headers, body });
    expect(response.status).toBe(400);
  }
}, 60_000);
