// Random and mutated heads, parameters, messages and files of operators: an answer of the table or
// `invalid`, never a bug of ours. `PHLOX_FUZZ` sets how many of each; `PHLOX_FUZZ_SEED` repeats.
import { describe, expect, it } from 'vitest';
import { parseAuthorization } from '../../src/auth/credentials.ts';
import { formatKeys, parseKeys } from '../../src/auth/keys.ts';
import { isTenantName, parseTenants } from '../../src/auth/tenant.ts';
import { parseIngestName } from '../../src/convert/ingest-name.ts';
import { parseDisplayNames } from '../../src/convert/pprof-name.ts';
import { isFailure } from '../../src/errors.ts';
import { multipartBoundary, parseMultipart } from '../../src/lib/multipart.ts';
import { parseTimeNs } from '../../src/lib/parse-time.ts';
import { finish } from '../../src/lib/steps.ts';
import { parseLimitsFile } from '../../src/limits/limits-file.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { createApiServer } from '../support/api-server.ts';
import { encodePush } from '../support/http-push.ts';
import { newKey } from '../support/keys.ts';
import { randomPprof } from '../support/random-pprof.ts';
import { formBody } from '../support/upload.ts';

const rounds = Number(process.env['PHLOX_FUZZ'] ?? 2_000);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
console.log(`PHLOX_FUZZ_SEED=${seed}`);

const utf8 = new TextEncoder();
const pieces = [
  ...['{', '}', '[', ']', '"', ',', ':', ';', '=', '|', '\\', '\n', '\0', ' ', '-', '--', '%', '+'],
  ...['now', '1', '9'.repeat(25), '1e400', 'null', 'true', '-1', '0', 'h', 'é', '😀', '\ud800'],
  ...['__proto__', 'constructor', 'toString', 'name', 'filename', 'boundary', 'x'.repeat(300)],
];

/** The text with some of it taken out, doubled, or replaced by what may mean something. */
function mutated(text: string, random: Random): string {
  let out = text;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(out.length + 1);
    const end = Math.min(out.length, at + random.below(8));
    const piece = pieces[random.below(pieces.length)] ?? '';
    const what = random.below(4);
    if (what === 0) out = out.slice(0, at) + out.slice(end);
    else if (what === 1) out = out.slice(0, at) + piece + out.slice(end);
    else if (what === 2) out = out.slice(0, end) + out.slice(at);
    else out = out.slice(0, at) + piece + out.slice(at);
  }
  return out;
}

const key = newKey('team', 'push');
const limitsText = JSON.stringify({
  defaults: { profileBytesMax: '8MiB', rejectOlderThanMs: '24h' },
  overrides: { 'team-a': { ingestBytesPerSecond: '20MiB', seriesMax: 50_000 } },
});
const formText = new TextDecoder().decode(
  formBody([
    { name: 'profile', filename: 'a', content: 'x' },
    { name: 'note', content: 'y' },
  ]),
);
const configText = '{"cpu":{"units":"samples","display-name":"cpu","aggregation":"sum"}}';

const readers: [string, readonly string[], (text: string) => unknown][] = [
  ['keys', [formatKeys([key.entry])], parseKeys],
  ['limits', [limitsText], parseLimitsFile],
  ['tenants', ['a|b:c,d', 'team'], (text) => parseTenants(text).every(isTenantName)],
  ['credentials', [`Bearer ${key.key}`, `Basic ${btoa('team:key')}`], parseAuthorization],
  ['names', ['shop.cpu{a=b,c=d}'], parseIngestName],
  [
    'times',
    ['now-3h30m', '20260102', '1767312000'],
    (text) => parseTimeNs(text, 1_767_323_045_000),
  ],
  ['boundaries', ['multipart/form-data; boundary="xyz"; a=b'], multipartBoundary],
  ['forms', [formText], (text) => finish(parseMultipart(utf8.encode(text), 'xyz'))],
  ['types', [configText], (text) => parseDisplayNames(utf8.encode(text))],
];

describe.each(readers)('%s', (_name, seeds, read) => {
  it(`are read or refused, ${rounds} times, seed ${seed}`, () => {
    let readCount = 0;
    for (const text of seeds) expect(read(text)).not.toBe(false);
    for (let round = 0; round < rounds; round++) {
      const random = createRandom(seed + round);
      const text = mutated(seeds[random.below(seeds.length)] ?? '', random);
      try {
        expect(read(text)).not.toBe(false);
        readCount++;
      } catch (error) {
        const isRefused = isFailure(error, 'invalid') || isFailure(error, 'unauthenticated');
        if (!isRefused)
          throw new Error(`seed ${seed + round}: ${JSON.stringify(text)}`, { cause: error });
      }
    }
    // Some make sense, or the test would look at the same refusal again and again.
    expect(readCount).toBeGreaterThan(0);
  });
});

describe('heads and parameters', () => {
  const parameters =
    'name=shop.cpu{a=b}&from=now-1m&until=now&sampleRate=100&format=groups&spyName=x';
  it(`are answered as the table says, ${rounds} times, seed ${seed}`, async () => {
    const server = await createApiServer({ multitenancy: true });
    for (let round = 0; round < rounds; round++) {
      const random = createRandom(seed + round);
      // Fetch takes no other characters in a header.
      const header = (text: string) =>
        mutated(text, random).replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '');
      const query = mutated(parameters, random).replaceAll(/[#\ud800-\udfff]/gu, '');
      const response = await server.send(`/ingest?${query}`, {
        method: 'POST',
        headers: {
          'x-scope-orgid': header('team-a'),
          'content-type': header('multipart/form-data; boundary=xyz'),
          accept: header('*/*;allow-utf8-labelnames=true'),
          authorization: header('Bearer x'),
        },
        body: formText,
      });
      const text = await response.text();
      expect([200, 400, 401, 415, 422], `seed ${seed + round}: ${text}`).toContain(response.status);
    }
  }, 120_000);
});

describe('pushes', () => {
  const push = (random: Random) =>
    encodePush([{ labels: { __name__: 'a', service_name: 'b' }, profiles: [randomPprof(random)] }]);
  const asJson = (random: Random) => {
    const rawProfile = btoa(String.fromCharCode(...randomPprof(random)));
    const labels = [{ name: '__name__', value: 'a' }];
    return utf8.encode(
      mutated(JSON.stringify({ series: [{ labels, samples: [{ rawProfile, ID: 'x' }] }] }), random),
    );
  };
  const kinds: [string, (random: Random) => Uint8Array][] = [
    ['application/proto', push],
    ['application/json', asJson],
  ];
  it.each(kinds)(
    `as %s are answered as the table says, seed ${seed}`,
    async (type, make) => {
      const server = await createApiServer();
      for (let round = 0; round < rounds; round++) {
        const random = createRandom(seed + round);
        const body = Uint8Array.from(make(random));
        if (type === 'application/proto') {
          for (let left = random.below(4); left > 0; left--) {
            body[random.below(body.length)] = random.below(256);
          }
        }
        const cut = random.below(4) === 0 ? body.slice(0, random.below(body.length)) : body;
        const init = { method: 'POST', headers: { 'content-type': type }, body: cut };
        const response = await server.send('/push.v1.PusherService/Push', init);
        const text = await response.text();
        expect([200, 400], `seed ${seed + round}: ${text}`).toContain(response.status);
      }
    },
    120_000,
  );
});
