// The main job on real servers: profiles of real programs are pushed over HTTP, flushed, shipped to
// a real S3 server, and read back by DuckDB with the values that an independent decoder finds.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBValue } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { openBucket } from '../../src/runtime/server-platform.ts';
import { syntheticProfiles } from '../fixtures/synthetic.ts';
import { type Duckdb, openDuckdb, temporaryFolder } from '../support/duckdb.ts';
import { loadFixtures } from '../support/fixtures.ts';
import { pushAccepted } from '../support/http-push.ts';
import { decodeExpected, type ExpectedProfile } from '../support/oracle.ts';
import { type S3Server, s3Credentials, startS3Server } from '../support/s3-server.ts';
import { serverRuntimes, startServer } from '../support/servers.ts';
import { stamped } from '../support/stamp.ts';

interface Pushed {
  service: string;
  name: string;
  bytes: Uint8Array;
  expected: ExpectedProfile;
}

const profileName = 'test_profile';

function pushedProfiles(): Pushed[] {
  const real = loadFixtures().map(({ name, packed, plain }) => ({ name, bytes: packed, plain }));
  const made = syntheticProfiles().map(({ name, bytes }) => ({ name, bytes, plain: bytes }));
  return [...real, ...made].map(({ name, bytes, plain }) => ({
    service: `service-${name}`,
    name,
    bytes,
    expected: decodeExpected(plain),
  }));
}

const awsEnvironment = {
  AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
};
const bucketName = (runtime: string) => `main-job-${runtime}`;

let s3: S3Server;
let duckdb: Duckdb;

beforeAll(async () => {
  s3 = await startS3Server(...serverRuntimes.map(bucketName));
  duckdb = await openDuckdb();
});

afterAll(async () => {
  duckdb?.close();
  await s3?.close();
});

describe.each(serverRuntimes)('on %s', (runtime) => {
  it('pushes, flushes, ships, and DuckDB reads the values of a plain decode', async () => {
    await using data = await temporaryFolder();
    await using shipped = await temporaryFolder();
    const endpoint = encodeURIComponent(s3.endpoint);
    const query = `endpoint=${endpoint}&path_style=true&region=eu-1`;
    const bucketUrl = `s3://${bucketName(runtime)}/profiles?${query}`;
    await using server = await startServer(runtime, {
      dataDir: join(data.path, 'data'),
      env: { PHLOX_BUCKET: bucketUrl, ...awsEnvironment },
    });
    const profiles = pushedProfiles();
    // Three blocks and one that is only written by the stop; each profile in two of them.
    for (const part of [0, 1, 2]) {
      for (const profile of profiles.filter((_, i) => i % 3 === part || (i + 1) % 3 === part)) {
        await pushProfile(server.url, profile, part);
      }
      const flushed = await fetch(`${server.url}/flush`, { method: 'POST' });
      expect(flushed.status).toBe(204);
    }
    await pushProfile(server.url, profiles[0] as Pushed, 3);
    expect(await server.stop()).toEqual({ code: 0, signal: null });

    const bucket = openBucketWith(bucketUrl);
    // Sums beyond 64 bits start heads, and so blocks, of their own.
    expect(await download(bucket, shipped.path)).toBeGreaterThanOrEqual(4);
    const blocks = join(shipped.path, 'anonymous/phlaredb/*');
    const totals = await totalsOf(blocks);
    const stacks = await stacksOf(blocks);
    for (const { service, name, expected } of profiles) {
      const times = name === profiles[0]?.name ? 3n : 2n;
      expect(totals.get(service) ?? new Map(), name).toEqual(scaled(expected.totals, times));
      expect(stacks.get(service) ?? new Map(), name).toEqual(scaledStacks(expected.perType, times));
    }
  }, 120_000);
});

/** Each part is another minute: a profile sent again would not be stored again. */
async function pushProfile(url: string, pushed: Pushed, part: number): Promise<void> {
  const { service, name, bytes } = pushed;
  const labels = { __name__: profileName, service_name: service };
  const timeNs = BigInt(Date.UTC(2026, 0, 1, 0, part)) * 1_000_000n;
  if (name === 'zeroFunctionIds') {
    // Only the .NET client may leave them out, and only at its own door.
    const path = `/ingest?name=${service}&spyName=dotnetspy&format=pprof`;
    const body = new Uint8Array(stamped(bytes, timeNs));
    expect((await fetch(`${url}${path}`, { method: 'POST', body })).status).toBe(200);
    return;
  }
  await pushAccepted(url, [{ labels, profiles: [stamped(bytes, timeNs)] }]);
}

/** The bucket as the server sees it, with the test server's credentials. */
function openBucketWith(url: string): Bucket {
  Object.assign(process.env, awsEnvironment);
  return openBucket(url);
}

/** Copies every object below `folder`; answers how many blocks (by `meta.json`) there were. */
async function download(bucket: Bucket, folder: string): Promise<number> {
  const { objects } = await bucket.list('');
  for (const { key } of objects) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), await bucket.get(key));
  }
  return objects.filter(({ key }) => key.endsWith('/meta.json')).length;
}

/** Service → sample type → total. */
async function totalsOf(blocks: string): Promise<Map<string, Map<string, bigint>>> {
  const services = new Map<string, Map<string, bigint>>();
  for (const row of await duckdb.rows(`FROM profile_totals('${blocks}')`)) {
    const types = childMap(services, String(row['service_name']));
    types.set(sampleTypeOf(row['profile_type']), row['total'] as bigint);
  }
  return services;
}

/** Service → sample type → stack → value. */
async function stacksOf(blocks: string) {
  const rows = await duckdb.rows(
    `SELECT service_name, profile_type, array_to_string(stack, ';') AS stack, value
     FROM stack_totals('${blocks}', NULL)`,
  );
  const services = new Map<string, Map<string, Map<string, bigint>>>();
  for (const row of rows) {
    const types = childMap(services, String(row['service_name']));
    const stacks = childMap(types, sampleTypeOf(row['profile_type']));
    const stack = String(row['stack']);
    stacks.set(stack, (stacks.get(stack) ?? 0n) + (row['value'] as bigint));
  }
  return services;
}

function childMap<V>(parent: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const known = parent.get(key) ?? new Map<string, V>();
  parent.set(key, known);
  return known;
}

/** The sample type's own name: the second of the five parts. */
function sampleTypeOf(profileType: DuckDBValue | undefined): string {
  return String(profileType).split(':')[1] as string;
}

function scaled(totals: Map<string, bigint>, times: bigint): Map<string, bigint> {
  const stored = [...totals].filter(([, total]) => total > 0n);
  return new Map(stored.map(([type, total]) => [type, total * times]));
}

function scaledStacks(perType: Map<string, Map<string, bigint>>, times: bigint) {
  const stored = [...perType].filter(([, stacks]) => stacks.size > 0);
  return new Map(stored.map(([type, stacks]) => [type, scaled(stacks, times)]));
}
