// The uploads' door over a fake ingester: which answer each request gets, and what is pushed.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { encodePprof, type PprofInput } from '../../fixtures/pprof-writer.ts';
import { type ApiServer, createApiServer } from '../../support/api-server.ts';
import { decodeExpected } from '../../support/oracle.ts';
import { toFolded } from '../../support/stack-formats.ts';
import { formBody, formUpload } from '../../support/upload.ts';
import { rawZstd } from '../../support/zstd-frames.ts';

const input: PprofInput = {
  sampleTypes: [
    ['samples', 'count'],
    ['cpu', 'nanoseconds'],
  ],
  samples: [{ locations: [1], values: [1, 10] }],
  locations: [{ id: 1, lines: [{ function: 1 }] }],
  functions: [{ id: 1, name: 'work', file: 'shop.py' }],
  timeNs: 1_767_312_000_000_000_000n,
};
const pprof = encodePprof(input);
const zipped = new Uint8Array(gzipSync(pprof));
const folded = new Uint8Array(toFolded([['a;b', 2]]));
const path = '/ingest?name=shop';

type Upload = { method?: string; headers?: Record<string, string>; body?: BodyInit };

function raw(body: BodyInit, headers: Record<string, string> = {}): Upload {
  return { method: 'POST', headers, body };
}

function form(parts: Parameters<typeof formBody>[0], boundary = 'xyz'): Upload {
  const headers = { 'content-type': 'multipart/form-data; boundary="xyz"' };
  return { method: 'POST', headers, body: formBody(parts, boundary) };
}

async function sent(url: string, upload: Upload, server?: ApiServer) {
  const used = server ?? (await createApiServer({ requestBytesMax: 1 << 24 }));
  const response = await used.send(url, upload);
  return { response, text: await response.text(), pushes: used.ingester.pushes };
}

async function pushed(url: string, upload: Upload) {
  const { response, text, pushes } = await sent(url, upload);
  expect([response.status, text]).toEqual([200, '']);
  const [one] = pushes[0]?.profiles ?? [];
  return {
    body: one?.body ?? new Uint8Array(),
    labels: Object.fromEntries(one?.labels.map(({ name, value }) => [name, value]) ?? []),
  };
}

describe('a pprof', () => {
  it.each<[string, string, Upload]>([
    ['a form', path, formUpload({ profile: zipped })],
    ['the other path', '/pyroscope/ingest?name=shop', formUpload({ profile: zipped })],
    ['a raw body', `${path}&format=pprof`, raw(zipped)],
    ['a form that says format=pprof', `${path}&format=pprof`, formUpload({ profile: zipped })],
  ])('is stored as it came from %s', async (_, url, upload) => {
    const { body, labels } = await pushed(url, upload);
    expect(body).toEqual(zipped);
    expect(labels).toEqual({
      __name__: 'process_cpu',
      pyroscope_spy: 'unknown',
      service_name: 'shop',
    });
  });

  it.each([
    ['gzip', gzipSync(pprof)],
    ['zstd', rawZstd(pprof)],
  ])('may be in a body with Content-Encoding %s', async (encoding, bytes) => {
    const upload = raw(new Uint8Array(bytes), { 'content-encoding': encoding });
    expect((await pushed(`${path}&format=pprof`, upload)).body).toEqual(pprof);
  });

  it('leaves the application out when the client names a service', async () => {
    const name = encodeURIComponent('shop{service_name=checkout,__delta__=x}');
    const { labels } = await pushed(
      `/ingest?name=${name}&spyName=gospy`,
      formUpload({ profile: pprof }),
    );
    expect(labels).toEqual({
      __name__: 'process_cpu',
      pyroscope_spy: 'gospy',
      service_name: 'checkout',
    });
  });

  it.each<[string, bigint | undefined, string, bigint]>([
    ['no time', undefined, 'from=1767312000', 1_767_312_000_000_000_000n],
    ['a time in µs', 1_767_312_000_000_000n, 'from=1767312001', 1_767_312_001_000_000_000n],
    ['a time', input.timeNs, 'from=1767312001', 1_767_312_000_000_000_000n],
  ])('with %s has the one expected', async (_, timeNs, parameters, expected) => {
    const profile = encodePprof({ ...input, timeNs: timeNs ?? 0n });
    const { body } = await pushed(`${path}&${parameters}`, formUpload({ profile }));
    const { Profile } = await import('pprof-format');
    expect(BigInt(Profile.decode(body).timeNanos)).toBe(expected);
  });

  it.each([
    ['rbspy', 'shop.py', 'shop.py work'],
    ['scripting', '/a/shop.py', '/a/shop.py work'],
    ['pyspy', 'shop.py', 'shop.py work'],
    ['pyspy', '/usr/lib/shop.py', 'work'],
    ['pyspy', '', 'work'],
    ['gospy', 'shop.go', 'work'],
  ])('of %s in %j calls its function %j', async (spy, file, expected) => {
    const profile = encodePprof({ ...input, functions: [{ id: 1, name: 'work', file }] });
    const { body } = await pushed(`${path}&spyName=${spy}`, formUpload({ profile }));
    expect([...(decodeExpected(body).perType.get('cpu')?.keys() ?? [])]).toEqual([expected]);
  });

  it.each<[string, Record<string, string>]>([
    ['spyName=dotnetspy', {}],
    ['', { sample_type_config: '{"inuse-space":{"display-name":"inuse-space"}}' }],
  ])('of .NET (%s) loses the dashes of its types', async (parameters, files) => {
    const sampleTypes = [
      ['inuse-space', 'bytes'],
      ['alloc', 'count'],
    ] as const;
    const profile = new Uint8Array(gzipSync(encodePprof({ ...input, sampleTypes })));
    const { body, labels } = await pushed(
      `${path}&${parameters}`,
      formUpload({ profile, ...files }),
    );
    expect(decodeExpected(body).sampleTypes.map(({ type }) => type)).toEqual([
      'inuse_space',
      'alloc',
    ]);
    expect(labels['__name__']).toBe('memory');
  });

  it('without samples is accepted and not stored', async () => {
    const upload = formUpload({ profile: encodePprof({ ...input, samples: [] }) });
    const { response, pushes } = await sent(path, upload);
    expect([response.status, pushes]).toEqual([200, []]);
  });
});

describe('answers', () => {
  const recording = Uint8Array.from([0x46, 0x4c, 0x52, 0, 0, 2]);
  const late = encodePprof({ ...input, comments: ['x'.repeat(5 << 20)] });
  const file = { name: 'profile', filename: 'a.pprof', content: pprof };
  const rows: [string, number, string, Upload, RegExp][] = [
    ['no name', 400, '/ingest', raw(folded), /^name: the parameter is missing$/],
    ['an empty name', 400, '/ingest?name=%20', raw(folded), /^name: application ""/],
    ['a bad name', 400, '/ingest?name=a%20b', raw(folded), /^name: application "a b"/],
    ['a bad key', 400, '/ingest?name=a%7Bb-c%3D1%7D', raw(folded), /^name: label "b-c=1"/],
    ['an unknown suffix', 400, '/ingest?name=a.b', raw(folded), /^name: "b" is no profile type/],
    ['GET', 405, path, {}, /use POST/],
    ['a large body', 413, path, raw(new Uint8Array(17 << 20)), /16777216/],
    [
      'a bomb',
      413,
      path,
      raw(gzipSync(new Uint8Array(17 << 20)), { 'content-encoding': 'gzip' }),
      /16777216/,
    ],
    ['an unknown encoding', 415, path, raw(folded, { 'content-encoding': 'br' }), /gzip, zstd/],
    [
      'a damaged encoding',
      422,
      path,
      raw(folded, { 'content-encoding': 'gzip' }),
      /^request body: /,
    ],
    ['format=jfr', 415, `${path}&format=jfr`, raw(recording), /jfrconv -o pprof .* format=pprof/],
    ['a JFR recording', 415, path, raw(recording), /jfr is not supported/],
    ['a JFR part', 415, path, formUpload({ jfr: recording }), /jfr is not supported/],
    ['a count that is none', 422, path, raw('a;b x\n'), /^line 1: "x" is no whole number/],
    ['a negative count', 422, path, raw('a 1\na;b -1\n'), /^line 2: "-1"/],
    ['a count over 64 bits', 422, path, raw('a 9223372036854775808'), /^line 1/],
    [
      'a sum over 64 bits',
      422,
      `${path}&sampleRate=0`,
      raw('a 9223372036854775807\na 1'),
      /not from 0 to 2/,
    ],
    ['a product over 64 bits', 422, path, raw('a 9223372036854775807'), /not from 0 to 2/],
    ['a line of 64 KiB', 422, path, raw(`${'a'.repeat(65_537)} 1`), /limit 65536/],
    ['gzip without a format', 422, path, raw(zipped), /format=pprof/],
    ['a profile of text', 422, path, raw(`a 1\n${' \n'.repeat(1 << 22)}`), /limit 8388608/],
    [
      'a tree that ends early',
      422,
      `${path}&format=tree`,
      raw(Uint8Array.of(0, 0, 2)),
      /cut short/,
    ],
    [
      'bytes after a tree',
      422,
      `${path}&format=tree`,
      raw(Uint8Array.of(0, 0, 0, 9)),
      /1 bytes follow/,
    ],
    ['a long name', 422, `${path}&format=trie`, raw(Uint8Array.of(255, 255, 3, 0)), /announced/],
    ['no JSON', 422, `${path}&format=speedscope`, raw('{'), /^speedscope: /],
    ['another schema', 422, `${path}&format=speedscope`, raw('{"$schema":"x"}'), /\$schema/],
    ['no profile part', 422, path, formUpload({ other: pprof }), /no file part "profile"/],
    ['a profile field', 422, path, form([{ name: 'profile', content: pprof }]), /no file part/],
    ['an empty profile', 422, path, formUpload({ profile: '' }), /empty/],
    ['prev_profile', 422, path, form([file, { ...file, name: 'prev_profile' }]), /too old/],
    [
      'a bad config',
      422,
      path,
      formUpload({ profile: pprof, sample_type_config: '{' }),
      /^sample_type_config/,
    ],
    ['no boundary', 422, path, raw('', { 'content-type': 'multipart/form-data' }), /boundary/],
    ['another boundary', 422, path, form([file], 'abc'), /^multipart: closing boundary is missing/],
    ['an empty pprof', 422, `${path}&format=pprof`, raw(''), /empty/],
    ['no pprof', 422, `${path}&format=pprof`, raw('not a profile'), /at byte/],
    [
      'a large profile',
      422,
      path,
      formUpload({ profile: new Uint8Array(gzipSync(late)) }),
      /4194304/,
    ],
  ];
  it.each(rows)('to %s is %i', async (_, status, url, upload, message) => {
    const { response, text, pushes } = await sent(url, upload);
    const answer = JSON.parse(text) as { code: string; message: string };
    expect([response.status, answer.message]).toEqual([status, expect.stringMatching(message)]);
    expect(Object.keys(answer)).toEqual(['code', 'message']);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(pushes).toEqual([]);
  });

  it.each<[string, Upload, Failure, number]>([
    ['a pprof', formUpload({ profile: pprof }), new Failure('invalid', 'no'), 422],
    ['folded text', raw(folded), new Failure('invalid', 'no'), 400],
    ['a pprof', formUpload({ profile: pprof }), new Failure('limit', 'no'), 429],
    ['folded text', raw(folded), new Failure('unavailable', 'no'), 503],
    ['folded text', raw(folded), new Failure('internal', 'no'), 500],
  ])('to %s that the ingester refuses is right', async (_, upload, failure, status) => {
    const server = await createApiServer();
    server.ingester.failure = failure;
    const { response } = await sent(path, upload, server);
    expect(response.status).toBe(status);
    expect(response.headers.has('retry-after')).toBe(status === 429 || status === 503);
  });

  it('to an upload without a tenant is 401', async () => {
    const server = await createApiServer({ multitenancy: true });
    expect((await sent(path, raw(folded), server)).response.status).toBe(401);
  });

  it.each([
    ['stalls', 5],
    ['breaks off', 0],
  ])('to a body that %s is 408', async (_, delay) => {
    const server = await createApiServer({ bodyTimeMsMax: 20 });
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (delay === 0) controller.error(new Error('gone'));
        else await new Promise((resolve) => setTimeout(resolve, 1_000));
      },
    });
    const request = new Request(`http://127.0.0.1:4040${path}`, {
      method: 'POST',
      body,
      duplex: 'half',
    } as RequestInit);
    expect((await server.fetch(request)).status).toBe(408);
  });

  it.each<[string, Upload]>([
    ['nothing', raw('')],
    ['lines without counts', raw('abc\n\ndef\n')],
    ['counts of zero', raw('a;b 0\n')],
  ])('to %s is 200, and nothing is stored', async (_, upload) => {
    const { response, text, pushes } = await sent(path, upload);
    expect([response.status, text, pushes]).toEqual([200, '', []]);
  });

  it('counts what could not be converted', async () => {
    const server = await createApiServer();
    await sent(path, raw('a x'), server);
    expect(await server.metricsText()).toContain(
      'pyroscope_discarded_samples_total{reason="malformed_profile",tenant="anonymous"} 1',
    );
  });
});
