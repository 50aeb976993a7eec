// What one tenant's requests leave to the others': a body that was only announced takes no room,
// and nobody gets the last eighth of the places or of the bytes for himself.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { createByteBudget } from '../../../src/lib/byte-budget.ts';
import { type ApiServer, apiOrigin, createApiServer } from '../../support/api-server.ts';

const path = '/ingest?name=app';

/** A request that sends what it is given and then stalls; `end` ends it. */
function stalled(server: ApiServer, tenant: string, bytes: number, declared?: number) {
  let end: () => void = () => undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      if (bytes > 0) controller.enqueue(new Uint8Array(bytes).fill(0x0a));
      end = () => controller.close();
    },
  });
  const headers: Record<string, string> = { 'x-scope-orgid': tenant };
  if (declared !== undefined) headers['content-length'] = String(declared);
  const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
  const answer = server.fetch(new Request(apiOrigin + path, init));
  return { answer, end: () => end() };
}

async function pushed(server: ApiServer, tenant: string): Promise<number> {
  const headers = { 'x-scope-orgid': tenant };
  return (await server.send(path, { method: 'POST', headers, body: 'a 1\n' })).status;
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('a tenant that sends slowly', () => {
  it('takes no room for what it announced and did not send', async () => {
    const server = await createApiServer({
      multitenancy: true,
      requestBytesMax: 1 << 20,
      inflightBytesMax: 1 << 20,
    });
    const slow = [1, 2, 3].map(() => stalled(server, 'evil', 100, 1 << 20));
    await turn();
    expect(await pushed(server, 'honest')).toBe(200);
    for (const one of slow) one.end();
    await Promise.all(slow.map(({ answer }) => answer));
  });

  it('leaves the last eighth of the bytes to others', async () => {
    const server = await createApiServer({
      multitenancy: true,
      requestBytesMax: 8 << 20,
      inflightBytesMax: 8 << 20,
    });
    const first = stalled(server, 'evil', 4 << 20);
    await turn();
    const second = stalled(server, 'evil', (3 << 20) + 1);
    expect((await second.answer).status).toBe(503);
    const other = stalled(server, 'honest', (3 << 20) + 1);
    await turn();
    other.end();
    first.end();
    expect((await other.answer).status).toBe(200);
    expect((await first.answer).status).toBe(200);
  });

  it('leaves the last eighth of the places to others', async () => {
    const server = await createApiServer({ multitenancy: true, inflightRequestsMax: 16 });
    const slow = Array.from({ length: 14 }, () => stalled(server, 'evil', 1));
    await turn();
    expect(await pushed(server, 'evil')).toBe(503);
    expect(await pushed(server, 'honest')).toBe(200);
    for (const one of slow) one.end();
    expect((await Promise.all(slow.map(({ answer }) => answer))).every(({ ok }) => ok)).toBe(true);
    expect(await pushed(server, 'evil')).toBe(200);
  });
});

describe('a budget of bytes', () => {
  it('has room for others beside a lone request that takes all of it', () => {
    const leaseOf = createByteBudget(800, 'body', 7 / 8);
    const giant = leaseOf('a');
    for (let i = 0; i < 9; i++) giant.take(100);
    const other = leaseOf('b');
    other.take(100);
    expect(() => leaseOf('c').take(1)).toThrow(/limit 800/);
    expect(() => leaseOf('a').take(1)).toThrow(/of the tenant/);
    giant.release();
    leaseOf('c').take(600);
    other.release();
    leaseOf('b').take(200);
  });

  it('lets a lone request take what its bounds allow', () => {
    const lease = createByteBudget(100, 'body', 0.5)('a');
    lease.take(1_000);
    expect(() => createByteBudget(100, 'body', 0.5)('b').take(99)).not.toThrow();
    lease.release();
  });

  it('counts by owner and forgets what is given back', () => {
    const leaseOf = createByteBudget(100, 'body', 0.5);
    const first = leaseOf('a');
    first.take(40);
    expect(() => leaseOf('a').take(11)).toThrow(Failure);
    const other = leaseOf('b');
    other.take(50);
    expect(() => leaseOf('c').take(11)).toThrow(/limit 100/);
    first.release();
    leaseOf('a').take(50);
    other.release();
  });
});
