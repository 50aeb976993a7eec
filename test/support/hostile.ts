// Requests that mean harm: small on the wire, or within every bound, and long to read. For tests
// and benches of what a server does meanwhile; none of them is a profile that anybody took.

import { gzipSync } from 'node:zlib';
import { Writer } from '../fixtures/protobuf.ts';
import { otlpPath, sample19, tinyDictionary, tinyProfile, tinyResource } from './otlp-requests.ts';

export interface HostileRequest {
  name: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  /** Made when it is asked for: some take a while, and memory. */
  body: () => Uint8Array<ArrayBuffer>;
}

const mib = 2 ** 20;
const binary = { 'content-type': 'application/x-protobuf' };
const json = { 'content-type': 'application/json' };
const proto = { 'content-type': 'application/proto' };
const inGzip = { 'content-encoding': 'gzip' };
const pushPath = '/push.v1.PusherService/Push';

/**
 * What each door reads for longest, by what was seen to take longest. `scale` from 0 to 1 makes all
 * but the bombs smaller.
 */
export function hostileRequests(scale = 1): HostileRequest[] {
  const times = (count: number) => Math.ceil(count * scale);
  return [...bombs(times), ...otlp(times), ...uploads(times), ...pushes(times)];
}

type Times = (count: number) => number;

let bomb: Uint8Array<ArrayBuffer> | undefined;

/** A byte more than any body may inflate to. */
function gzipBomb(): Uint8Array<ArrayBuffer> {
  bomb ??= new Uint8Array(gzipSync(new Uint8Array(256 * mib + 1), { level: 1 }));
  return bomb;
}

/** A request whose body is sent in gzip, whatever it inflates to. */
function zipped(
  name: string,
  path: string,
  headers: Record<string, string>,
  body: () => Uint8Array,
): HostileRequest {
  const make = () => new Uint8Array(gzipSync(body(), { level: 1 }));
  return { name, path, headers: { ...headers, ...inGzip }, body: make };
}

function plain(
  name: string,
  path: string,
  headers: Record<string, string>,
  body: () => Uint8Array,
): HostileRequest {
  return { name, path, headers, body: () => new Uint8Array(body()) };
}

function bombs(times: Times): HostileRequest[] {
  const zeros = () => new Uint8Array(times(255 * mib));
  return [
    plain('a gzip bomb at Push', pushPath, { ...proto, ...inGzip }, gzipBomb),
    plain('a gzip bomb at OTLP', otlpPath, { ...binary, ...inGzip }, gzipBomb),
    plain('a gzip bomb at /ingest', '/ingest?name=a', inGzip, gzipBomb),
    zipped('zeros within the bound at Push', pushPath, proto, zeros),
    plain('a zstd bomb at Push', pushPath, { ...proto, 'content-encoding': 'zstd' }, () =>
      zstdBomb(256 * mib + 1),
    ),
    plain('zstd within the bound at Push', pushPath, { ...proto, 'content-encoding': 'zstd' }, () =>
      zstdBomb(255 * mib),
    ),
  ];
}

/** Blocks of one byte repeated, 128 KiB each, in a frame that does not tell its size. */
function zstdBomb(bytes: number): Uint8Array {
  const blockBytes = 128 * 1024;
  const count = Math.ceil(bytes / blockBytes);
  const frame = new Uint8Array(6 + 4 * count);
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0, 0x68]);
  for (let i = 0; i < count; i++) {
    const header = (blockBytes << 3) | (1 << 1) | (i === count - 1 ? 1 : 0);
    frame.set([header & 255, (header >> 8) & 255, (header >> 16) & 255, 0], 6 + 4 * i);
  }
  return frame;
}

function request(profiles: readonly Writer[], dictionary: Writer): Uint8Array {
  return new Writer().message(1, tinyResource(profiles)).message(2, dictionary).finish();
}

function otlp(times: Times): HostileRequest[] {
  const one = (name: string, body: () => Uint8Array) =>
    zipped(`OTLP: ${name}`, otlpPath, binary, body);
  const filled = (length: number, ...pattern: number[]) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = pattern[at % pattern.length] as number;
    return bytes;
  };
  const withSample = (sample: Writer) =>
    request([tinyProfile({ samples: [sample] })], tinyDictionary());
  const strings = (count: number) => {
    const out = tinyDictionary();
    for (let i = 0; i < count; i++) out.string(5, '');
    return out;
  };
  return [
    one('64 MiB of values in one sample', () =>
      withSample(new Writer().number(1, 1).bytes(2, filled(times(64 * mib), 1))),
    ),
    one('64 MiB of unknown fields in one sample', () => {
      const sample = new Writer().number(1, 1).packed(2, [1]).finish();
      const body = new Uint8Array(times(64 * mib) + sample.length);
      body.set(sample);
      body.set(filled(times(64 * mib), 0x78, 1), sample.length);
      return request([tinyProfile({ samples: [] }).bytes(2, body)], tinyDictionary());
    }),
    one('a million strings', () => request([tinyProfile()], strings(times(1_000_000)))),
    one('a million samples', () =>
      request(
        [tinyProfile({ samples: Array(times(1_000_000)).fill(sample19([1])) })],
        tinyDictionary(),
      ),
    ),
    one('samples of 250 attributes', () => {
      const attributes = Array.from({ length: 250 }, (_, i) => {
        const value = new Writer().string(1, 'v'.repeat(60));
        return new Writer().number(1, 10 + i).message(2, value);
      });
      const dictionary = tinyDictionary(attributes);
      for (let i = 0; i < 250; i++) dictionary.string(5, `${'k'.repeat(60)}${i}`);
      const indexes = Array.from({ length: 250 }, (_, i) => i + 2);
      const sample = sample19([1], { attributes: indexes });
      return request([tinyProfile({ samples: Array(times(16_000)).fill(sample) })], dictionary);
    }),
    one('long stacks for many profiles', () => {
      const dictionary = tinyDictionary();
      dictionary.message(7, new Writer().packed(1, Array(times(260_000)).fill(1)));
      const sample = new Writer().number(1, 2).packed(2, [1]);
      return request(Array(16).fill(tinyProfile({ samples: [sample] })), dictionary);
    }),
    one('a million locations', () => {
      const dictionary = tinyDictionary();
      const location = new Writer().message(3, new Writer().number(1, 1));
      for (let i = 0; i < times(260_000); i++) dictionary.message(2, location);
      dictionary.message(
        7,
        new Writer().packed(
          1,
          Array.from({ length: times(260_000) }, (_, i) => i + 2),
        ),
      );
      const sample = new Writer().number(1, 2).packed(2, [1]);
      return request([tinyProfile({ samples: [sample] })], dictionary);
    }),
    ...otlpJson(times),
  ];
}

function otlpJson(times: Times): HostileRequest[] {
  return [
    zipped('OTLP: JSON of numbers', otlpPath, json, () => {
      const list = new TextEncoder().encode(`{"a":[${'1,'.repeat(times(520_000))}1]}`);
      return list;
    }),
    zipped('OTLP: JSON of objects', otlpPath, json, () =>
      new TextEncoder().encode(`{"dictionary":{"stackTable":[${'{},'.repeat(times(131_000))}{}]}}`),
    ),
    zipped('OTLP: JSON of text', otlpPath, json, () =>
      new TextEncoder().encode(`{"a":"${'\\u0001'.repeat(times(690_000))}"}`),
    ),
  ];
}

function uploads(times: Times): HostileRequest[] {
  const one = (name: string, parameters: string, body: () => Uint8Array | string) =>
    zipped(`/ingest: ${name}`, `/ingest?name=a&${parameters}`, {}, () => {
      const made = body();
      return typeof made === 'string' ? new TextEncoder().encode(made) : made;
    });
  const lines = (count: number, line: (i: number) => string) => {
    const all: string[] = [];
    for (let i = 0; i < count; i++) all.push(line(i));
    return all.join('');
  };
  return [
    one('distinct stacks', 'format=folded', () =>
      lines(times(400_000), (i) => `${i.toString(36)} 1\n`),
    ),
    one('one deep stack in many lines', 'format=lines', () =>
      lines(times(128), () => `${'a;'.repeat(32_000)}a\n`),
    ),
    one('many calls of two frames', 'format=folded', () =>
      lines(times(120), (i) => `${'a;b;'.repeat(8_000)}${i} 1\n`),
    ),
    one('deep stacks that fan out', 'format=folded', () =>
      lines(times(2_000), (i) => `${'a;'.repeat(1_900)}${i} 1\n`),
    ),
    one('speedscope samples', 'format=speedscope', () =>
      JSON.stringify({
        $schema: 'https://www.speedscope.app/file-format-schema.json',
        shared: { frames: [{ name: 'a' }, { name: 'b' }] },
        profiles: [
          {
            type: 'sampled',
            name: 'x',
            unit: 'none',
            samples: Array.from({ length: times(1_000_000) }, (_, i) => [i & 1]),
            weights: Array(times(1_000_000)).fill(1),
          },
        ],
      }),
    ),
    one('a deep tree', 'format=tree', () => deepTree(times(400_000))),
    one('a wide tree', 'format=tree', () => wideTree(times(400_000))),
    one('names to be made longer', 'format=pprof&spyName=rbspy', () =>
      manyFunctions(times(150_000)),
    ),
  ];
}

function deepTree(nodes: number): Uint8Array {
  const out = new Writer().varint(0).varint(0).varint(1);
  for (let i = 0; i < nodes; i++) {
    out
      .varint(1)
      .varint(97)
      .varint(1)
      .varint(i === nodes - 1 ? 0 : 1);
  }
  return out.finish();
}

function wideTree(nodes: number): Uint8Array {
  const out = new Writer().varint(0).varint(0).varint(nodes);
  for (let i = 0; i < nodes; i++) {
    const name = new TextEncoder().encode(i.toString(36));
    out.varint(name.length);
    for (const byte of name) out.varint(byte);
    out.varint(1).varint(0);
  }
  return out.finish();
}

function manyFunctions(count: number): Uint8Array {
  const out = new Writer();
  out.message(1, new Writer().number(1, 1).number(2, 1));
  out.message(2, new Writer().packed(1, [1]).packed(2, [1]));
  out.message(4, new Writer().number(1, 1).message(4, new Writer().number(1, 1)));
  for (let i = 1; i <= count; i++)
    out.message(
      5,
      new Writer()
        .number(1, i)
        .number(2, 1 + (i % 3))
        .number(4, 2),
    );
  for (const text of ['', 'cpu', 'file', 'n']) out.string(6, text);
  return out.finish();
}

function pushes(times: Times): HostileRequest[] {
  const labels = (count: number) => {
    const series = new Writer();
    for (let i = 0; i < count; i++)
      series.message(1, new Writer().string(1, `l${i}`).string(2, 'v'));
    return new Writer()
      .message(1, series.message(2, new Writer().bytes(1, new Uint8Array(9))))
      .finish();
  };
  return [
    zipped('Push: 40,000 labels of a series', pushPath, proto, () => labels(times(40_000))),
    zipped('Push: a million labels', pushPath, proto, () => labels(times(1_000_000))),
    zipped('Push: JSON of text', pushPath, json, () =>
      new TextEncoder().encode(
        `{"series":[{"samples":[{"rawProfile":"${'A'.repeat(times(3.9 * mib))}"}]}]}`,
      ),
    ),
    plain('Push: a length of 2^31', pushPath, proto, () =>
      Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x07),
    ),
  ];
}
