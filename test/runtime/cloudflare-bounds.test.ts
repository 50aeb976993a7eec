// What the platform bounds, of the Worker in workerd: at the bound it serves, past it it refuses
// with both numbers, and goes on serving.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { createRandom } from '../fixtures/random.ts';
import { encodePush, push } from '../support/http-push.ts';
import { storedTimes } from '../support/stored-profiles.ts';
import { type BuiltWorker, builtWorker, startWorker, type Worker } from '../support/workerd.ts';

const mib = 2 ** 20;
const bodyBytesMax = 16 * mib;
const nowMs = Date.now();
const labels = { __name__: 'process_cpu', service_name: 'shop' };

let root: BuiltWorker;
const workers = new Map<string, Worker>();

beforeAll(async () => {
  root = await builtWorker();
}, 180_000);
afterAll(async () => {
  for (const worker of workers.values()) await worker.stop();
  await root[Symbol.asyncDispose]();
});

/** A Worker of the name, over stores of its own; started once, or anew when it was stopped. */
async function workerOf(name: string, variables: Record<string, string> = {}): Promise<Worker> {
  const known = workers.get(name);
  if (known !== undefined) return known;
  const limits = { ingestBytesPerSecond: 0, profileBytesMax: '8MiB' };
  const worker = await startWorker({
    bundle: root.bundle,
    folder: join(root.path, name),
    variables: {
      PHLOX_INSECURE: 'true',
      PHLOX_LOG_LEVEL: 'error',
      PHLOX_HEAD_AGE_MAX: '24h',
      PHLOX_LIMITS: JSON.stringify({ defaults: limits }),
      ...variables,
    },
  });
  workers.set(name, worker);
  return worker;
}

async function stop(name: string): Promise<void> {
  await workers.get(name)?.stop();
  workers.delete(name);
}

/** A profile of its own time, with a name of so many letters. */
function profile(at: number, letters = 8): Uint8Array {
  const random = createRandom(at + 1);
  const name = Buffer.alloc(letters);
  for (let i = 0; i < letters; i++) name[i] = 97 + random.below(26);
  return encodePprof({
    sampleTypes: [['cpu', 'nanoseconds']],
    samples: [{ locations: [1], values: [1] }],
    locations: [{ id: 1, lines: [{ function: 1 }] }],
    functions: [{ id: 1, name: name.toString('latin1') }],
    timeNs: BigInt(nowMs) * 1_000_000n + BigInt(at),
  });
}

const told = async (response: Response) => [response.status, await response.text()] as const;
const flush = async (url: string) => (await fetch(`${url}/flush`, { method: 'POST' })).status;

/** How many profiles of the one series are in its blocks, each once. */
async function storedIn(worker: Worker, name: string): Promise<number> {
  const copy = join(root.path, `${name}-copy`);
  await worker.copyBucket(copy);
  const times = await storedTimes(join(copy, 'anonymous/phlaredb'), 1);
  expect([...times.values()].filter((copies) => copies !== 1)).toEqual([]);
  return times.size;
}

describe('a body', () => {
  /** A push of exactly so many bytes: a field that no reader knows fills it. */
  function pushOf(bytes: number): Uint8Array<ArrayBuffer> {
    const real = encodePush([{ labels, profiles: [profile(bytes)] }]);
    const whole = new Uint8Array(bytes);
    whole.set(real);
    const length = bytes - real.length - 6;
    const size = [0, 7, 14, 21].map((by) => ((length >> by) & 0x7f) | (by < 21 ? 0x80 : 0));
    whole.set([0xa2, 0x06, ...size], real.length);
    return whole;
  }

  const send = async (body: Uint8Array<ArrayBuffer>, isDeclared: boolean) => {
    const { url } = await workerOf('bodies');
    let at = 0;
    const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => {
        if (at >= body.length) return controller.close();
        controller.enqueue(body.subarray(at, at + mib));
        at += mib;
      },
    });
    const headers = { 'content-type': 'application/proto', connection: 'close' };
    const init = { method: 'POST', headers, body: isDeclared ? body : pieces, duplex: 'half' };
    return told(await fetch(`${url}/push.v1.PusherService/Push`, init as RequestInit));
  };

  it.each([true, false])('of 16 MiB is taken, declared %s', async (isDeclared) => {
    expect(await send(pushOf(bodyBytesMax), isDeclared)).toEqual([200, '']);
  });

  /**
   * Sends `body` of a request that is not over, and resolves to its answer: who is refused before
   * all is read must not be sending any more, or the end of the connection may come first.
   */
  async function refusal(body: Uint8Array, declaredBytes: number | undefined) {
    const { url } = await workerOf('bodies');
    const headers = {
      'content-type': 'application/proto',
      ...(declaredBytes !== undefined && { 'content-length': declaredBytes }),
    };
    const options = { method: 'POST', headers, agent: false };
    const sending = request(`${url}/push.v1.PusherService/Push`, options);
    try {
      sending.write(body);
      const [answer] = (await once(sending, 'response')) as [IncomingMessage];
      return [answer.statusCode, await text(answer)] as const;
    } finally {
      sending.on('error', () => undefined).destroy();
    }
  }

  it.each([true, false])('of a byte more is refused, declared %s', async (isDeclared) => {
    const bytes = bodyBytesMax + 1;
    const sent = isDeclared ? new Uint8Array(1_000) : pushOf(bytes);
    const [status, said] = await refusal(sent, isDeclared ? bytes : undefined);
    expect([status, JSON.parse(said)]).toEqual([
      429,
      {
        code: 'resource_exhausted',
        message: expect.stringMatching(/16777216.*limit|limit 16777216/),
      },
    ]);
    expect(await send(pushOf(1_000), true)).toEqual([200, '']);
  });
});

describe('a row of 2 MB', () => {
  it('holds a part of a record that is larger', async () => {
    const large = [0, 1].map((at) => profile(at, 5_000_000));
    const name = 'large-records';
    let worker = await workerOf(name);
    expect(await told(await push(worker.url, [{ labels, profiles: large }]))).toEqual([200, '']);
    // What is in no block yet comes out of the rows.
    await stop(name);
    worker = await workerOf(name);
    expect(await flush(worker.url)).toBe(204);
    expect(await storedIn(worker, name)).toBe(2);
  });
});

describe('the log', () => {
  it('is refused past its bound, and takes more once a block has what it held', async () => {
    const name = 'log';
    const worker = await workerOf(name, { PHLOX_LOG_BYTES_MAX: '4MiB' });
    const send = async (...ats: number[]) => {
      const profiles = ats.map((at) => profile(at, mib));
      return told(await push(worker.url, [{ labels, profiles }]));
    };
    expect(await send(0)).toEqual([200, '']);
    // More than there is room for at all: what is flushed by itself meanwhile does not help.
    const [status, said] = await send(1, 2, 3, 4, 5);
    expect([status, JSON.parse(said)]).toEqual([
      503,
      { code: 'unavailable', message: expect.stringContaining(`limit ${4 * mib}`) },
    ]);
    expect(await flush(worker.url)).toBe(204);
    expect(await send(1, 2)).toEqual([200, '']);
    expect(await flush(worker.url)).toBe(204);
    expect(await storedIn(worker, name)).toBe(3);
  });
});

describe('without keys', () => {
  const calls = [
    ['POST', '/push.v1.PusherService/Push'],
    ['POST', '/ingest?name=shop&from=1&until=2'],
    ['POST', '/v1development/profiles'],
    ['POST', '/querier.v1.QuerierService/ProfileTypes'],
    ['GET', '/pyroscope/render?query=x'],
    ['POST', '/flush'],
    ['GET', '/metrics'],
    ['GET', '/config'],
    ['GET', '/ready'],
    ['GET', '/'],
  ] as const;

  const closed: Record<string, string>[] = [{}, { PHLOX_INSECURE: 'false' }];
  it.each(closed)('nobody is served, with %o', async (variables) => {
    const name = `closed-${Object.keys(variables).length}`;
    const worker = await startWorker({
      bundle: root.bundle,
      folder: join(root.path, name),
      variables,
    });
    workers.set(name, worker);
    for (const [method, path] of calls) {
      const [status, text] = await told(await fetch(worker.url + path, { method }));
      expect([path, status, text]).toEqual([path, 503, expect.stringContaining('PHLOX_KEYS')]);
    }
    await stop(name);
  });

  it('everybody is served when that is wanted', async () => {
    const { url } = await workerOf('bodies');
    const [status] = await told(await fetch(`${url}/ready`));
    expect(status).toBe(200);
    const series = [{ labels, profiles: [profile(-1)] }];
    expect(await told(await push(url, series))).toEqual([200, '']);
  });
});
