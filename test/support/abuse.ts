// What somebody with a key, or anybody on the network, can do to a server at most: hostile
// requests, bodies that never end, label values without end, tenants without end. Bounded by what
// is asked for; all of it goes to one address on the loopback.
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type HostileRequest, hostileRequests } from './hostile.ts';
import { encodePush } from './http-push.ts';
import { small } from './limited-app.ts';
import { stamped } from './stamp.ts';

export interface Answered {
  name: string;
  status: number;
}

export interface Prepared {
  request: HostileRequest;
  body: Uint8Array<ArrayBuffer>;
}

/** The hostile requests with their bodies, some of which take a second to make. */
export function prepareHostile(scale = 1): Prepared[] {
  return hostileRequests(scale).map((request) => ({ request, body: request.body() }));
}

/** Sends one, as a tenant of its own. */
export async function sendHostile(
  url: string,
  { request, body }: Prepared,
  tenant = 'evil',
): Promise<Answered> {
  const headers = { ...request.headers, 'x-scope-orgid': tenant };
  const response = await fetch(url + request.path, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return { name: request.name, status: response.status };
}

/** Opens so many requests whose bodies come a byte at a time; answers what ends them. */
export function slowBodies(url: string, count: number): () => void {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: count }, (_, at) => {
    const socket = connect(Number(port), hostname);
    const path = ['/push.v1.PusherService/Push', '/ingest?name=slow', '/v1development/profiles'];
    socket.on('error', () => socket.destroy());
    socket.write(
      `POST ${path[at % path.length]} HTTP/1.1\r\nhost: ${hostname}\r\nx-scope-orgid: slow\r\n` +
        `content-type: application/x-protobuf\r\ncontent-length: 1000000\r\n\r\n`,
    );
    const timer = setInterval(() => socket.writable && socket.write('a'), 250);
    socket.on('close', () => clearInterval(timer));
    return socket;
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

/** Pushes series of which each has another label value, so many at a time; answers the status. */
export async function pushLabelValues(url: string, from: number, count: number): Promise<number> {
  const series = Array.from({ length: count }, (_, i) => ({
    labels: { __name__: 'process_cpu', service_name: 'evil', user: `u${from + i}` },
    profiles: [small],
  }));
  return push(url, 'evil-labels', encodePush(series));
}

/** One small profile for a tenant; answers the status. */
export function pushAs(url: string, tenant: string, timeMs: number): Promise<number> {
  const profile = stamped(small, BigInt(timeMs) * 1_000_000n);
  const labels = { __name__: 'process_cpu', service_name: 'shop' };
  return push(url, tenant, encodePush([{ labels, profiles: [profile] }]));
}

async function push(url: string, tenant: string, body: Uint8Array<ArrayBuffer>): Promise<number> {
  const headers = { 'content-type': 'application/proto', 'x-scope-orgid': tenant };
  const init = { method: 'POST', headers, body };
  const response = await fetch(`${url}/push.v1.PusherService/Push`, init);
  await response.arrayBuffer();
  return response.status;
}

/** The server's own word on its memory. */
export async function residentBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const bytes = /^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1];
  if (bytes === undefined) throw new Error('the server does not tell its memory');
  return Number(bytes);
}

/** Calls `work` again and again, with a pause between, until told to end; answers how often. */
export function repeat(work: (count: number) => Promise<unknown>, pauseMs = 0) {
  let isOver = false;
  let count = 0;
  const running = (async () => {
    for (; !isOver; count++) {
      await work(count);
      if (pauseMs > 0) await wait(pauseMs);
    }
    return count;
  })();
  return () => {
    isOver = true;
    return running;
  };
}
