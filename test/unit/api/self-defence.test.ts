// The bounds that hold at every door, whichever is added: requests in flight, bytes as declared, as
// they come and inflated, and the time that a body takes.
import { describe, expect, it } from 'vitest';
import { gzip } from '../../../src/runtime/gzip.ts';
import { type ApiServer, apiOrigin, createApiServer } from '../../support/api-server.ts';

/** Nobody waits for a place to ask whether the server is well. */
const unbounded = [
  '/ready',
  '/healthz',
  '/metrics',
  '/api/v1/status/buildinfo',
  '/api/v1/status/config',
];
/** They never ask for a body. */
const withoutBody = ['/flush', /\/\*$/, /SelectHeatmap$/, /AnalyzeQuery$/];
const requestBytesMax = 1 << 20;

interface Door {
  path: string;
  method: string;
}

function doors(server: ApiServer): Door[] {
  return server.routes.filter(({ method }) => method !== 'ALL');
}

function bodyDoors(server: ApiServer): Door[] {
  return doors(server).filter(
    ({ path, method }) =>
      method === 'POST' &&
      !withoutBody.some((one) => (typeof one === 'string' ? one === path : one.test(path))),
  );
}

/** A body that is asked for in pieces; `onPull` makes the next one. */
function post(
  server: ApiServer,
  { path }: Door,
  headers: Record<string, string>,
  pull: (controller: ReadableStreamDefaultController<Uint8Array>) => void | Promise<void>,
): Promise<Response> {
  const body = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    duplex: 'half',
  } as RequestInit;
  return server.fetch(new Request(`${apiOrigin}${path}?name=app`, init));
}

describe('every door', () => {
  it('waits for a place among the requests in flight, but for the probes', async () => {
    const server = await createApiServer({ inflightRequestsMax: 0 });
    for (const { path, method } of doors(server)) {
      const { status, headers } = await server.send(path.replace('*', 'Odd'), { method });
      expect([path, status]).toEqual([path, unbounded.includes(path) ? 200 : 503]);
      expect(headers.has('retry-after')).toBe(status === 503);
    }
  });

  it('refuses a body by the length it declares, unread', async () => {
    const server = await createApiServer({ requestBytesMax });
    expect(bodyDoors(server).length).toBeGreaterThan(20);
    for (const door of bodyDoors(server)) {
      let pulls = 0;
      const headers = { 'content-length': String(2 ** 31) };
      const { status } = await post(server, door, headers, () => void pulls++);
      expect([door.path, [413, 429].includes(status), pulls]).toEqual([door.path, true, 0]);
    }
  });

  it('stops reading a body that never ends at its bound', async () => {
    const server = await createApiServer({ requestBytesMax });
    const piece = new Uint8Array(128 << 10).fill(0x20);
    for (const door of bodyDoors(server)) {
      let bytes = 0;
      const { status } = await post(server, door, {}, (controller) => {
        bytes += piece.byteLength;
        controller.enqueue(piece);
      });
      expect([door.path, [413, 429].includes(status)]).toEqual([door.path, true]);
      expect(bytes).toBeLessThanOrEqual(requestBytesMax + 2 * piece.byteLength);
    }
  });

  it('gives up on a body that does not come', async () => {
    const server = await createApiServer({ bodyTimeMsMax: 20, inflightRequestsMax: 16 });
    const waiting = bodyDoors(server).slice(0, 8);
    const answers = await Promise.all(
      waiting.map((door) => post(server, door, {}, () => new Promise(() => undefined))),
    );
    expect(answers.map(({ status }) => status)).toEqual(waiting.map(() => 408));
    const all = bodyDoors(server).slice(8);
    for (const door of all) {
      const { status } = await post(server, door, {}, () => new Promise(() => undefined));
      expect([door.path, status]).toEqual([door.path, 408]);
    }
  });

  it('inflates no body past its bound, by gzip or zstd', async () => {
    const server = await createApiServer({ requestBytesMax });
    const bombs: [string, Uint8Array][] = [
      ['gzip', gzip(new Uint8Array(64 << 20))],
      // 2 GiB of window and content, announced in 17 bytes.
      ['zstd', zstdHeader(2 ** 31)],
    ];
    for (const door of bodyDoors(server)) {
      for (const [encoding, bomb] of bombs) {
        const headers = { 'content-encoding': encoding };
        const { status } = await post(server, door, headers, (controller) => {
          controller.enqueue(bomb);
          controller.close();
        });
        expect([door.path, [413, 429].includes(status)]).toEqual([door.path, true]);
      }
    }
  });
});

/** A frame of one segment with one block, a byte repeated, that promises so many bytes. */
function zstdHeader(contentBytes: number): Uint8Array {
  const bytes = new Uint8Array(17);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xfd2fb528, true);
  bytes[4] = 0xe0;
  view.setBigUint64(5, BigInt(contentBytes), true);
  bytes.set([0x03, 0x00, 0x10, 0x00], 13);
  return bytes;
}
