// The wire suite: asks a server every row of the table, over whatever way there is to it, and looks
// at what it stored. `wireSuite(name, open)` runs it; nothing in it depends on the runtime.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ingestRows } from './ingest.ts';
import { ingestTimeRows } from './ingest-times.ts';
import { labelRows } from './labels.ts';
import { normaliseRows } from './normalise.ts';
import { orderRows } from './order.ts';
import { otlpRows } from './otlp.ts';
import { otlpTableRows } from './otlp-tables.ts';
import { pushRows } from './push.ts';
import type { WireRow } from './row.ts';
import { transportRows } from './transport.ts';

export interface WireTarget {
  /** False: what is refused is counted somewhere else than where `/metrics` is asked. */
  isCounting?: boolean;
  /** Multi-tenancy is on, keys are off, limits are `wireLimits`. `path` begins with a slash. */
  fetch(path: string, init: RequestInit): Promise<Response>;
  close(): PromiseLike<void>;
}

export interface WireOptions {
  /** The server's time, as near as the acceptance window asks for. */
  nowMs: number;
  /** Default: that of a server. */
  requestBytesMax?: number;
  /** Titles of rows that are not asked. */
  except?: readonly string[];
  /** Whether the large rows are asked as well. */
  isLarge: boolean;
  open: () => Promise<WireTarget>;
}

/** All rows, each for a tenant of its own. */
export function wireSuite(name: string, options: WireOptions): void {
  const { nowMs, isLarge, open, requestBytesMax = 2 ** 28, except = [] } = options;
  describe(`the wire of ${name}`, () => {
    let target: WireTarget;

    beforeAll(async () => {
      target = await open();
    });
    afterAll(() => target?.close());

    const clock = { nowMs, requestBytesMax };
    const tables = [
      transportRows,
      pushRows,
      normaliseRows,
      orderRows,
      labelRows,
      ingestRows,
      ingestTimeRows,
      otlpRows,
      otlpTableRows,
    ];
    const all = tables.flatMap((make) => make(clock));
    const asked = all.filter(({ title }) => !except.includes(title));
    const rows = asked.filter((row) => isLarge || row.isLarge !== true);
    it.each(rows.map((row, index) => ({ ...row, index })))('$status for $title', async (row) => {
      const tenant = row.tenant === undefined ? `wire-${row.index}` : row.tenant;
      await assertRow(target, row, tenant);
    });

    it('knows the rows that it leaves out', () => {
      const titles = new Set(all.map(({ title }) => title));
      expect(except.filter((title) => !titles.has(title))).toEqual([]);
    });

    it('has each row once', () => {
      const titles = rows.map(({ title, path }) => `${path} ${title}`);
      expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
    });
  });
}

async function assertRow(target: WireTarget, row: WireRow, tenant: string | null): Promise<void> {
  const isRefusal = row.status >= 400;
  const before = await discarded(target, row.reason, tenant);
  const response = await target.fetch(row.path, {
    method: row.method ?? 'POST',
    headers: { ...(tenant !== null && { 'x-scope-orgid': tenant }), ...row.headers },
    ...(row.body !== undefined && {
      body: (typeof row.body === 'function' ? row.body() : row.body) as BodyInit,
    }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(row.status);
  for (const [name, value] of Object.entries(row.answerHeaders ?? {})) {
    const found = response.headers.get(name);
    if (value instanceof RegExp) expect(found).toMatch(value);
    else expect(found).toBe(value);
  }
  if (row.answer !== undefined) expect(text).toBe(row.answer);
  if (isRefusal && (row.code !== undefined || row.message !== undefined)) assertError(row, text);
  const more = row.reason && target.isCounting !== false ? (row.discarded ?? 1) : 0;
  expect(await discarded(target, row.reason, tenant)).toBe(before + more);
  if (tenant !== null && /^wire-/.test(tenant)) {
    expect(await storedSeries(target, tenant, row.stored ?? [])).toEqual(row.stored ?? []);
  }
}

/** Errors are JSON in Connect's shape; OTLP's, in its own encoding, name no code. */
function assertError(row: WireRow, text: string): void {
  if (row.path.startsWith('/v1development/')) {
    expect(text).toMatch(row.message ?? /./);
    return;
  }
  const error = JSON.parse(text) as { code: string; message: string };
  expect(Object.keys(error)).toEqual(['code', 'message']);
  expect(error.message).toMatch(row.message ?? /./);
  expect(error.message).not.toContain('\n');
  if (row.code !== undefined) expect(error.code).toBe(row.code);
}

async function discarded(
  target: WireTarget,
  reason: string | undefined,
  tenant: string | null,
): Promise<number> {
  if (reason === undefined || target.isCounting === false) return 0;
  // On Workers each tenant has metrics of its own; a server takes no notice of the name.
  const headers: HeadersInit = tenant === null ? {} : { 'x-scope-orgid': tenant };
  const text = await (await target.fetch('/metrics', { headers })).text();
  const line = `pyroscope_discarded_samples_total{reason="${reason}",tenant="${tenant}"} `;
  const found = text.split('\n').find((one) => one.startsWith(line));
  return found === undefined ? 0 : Number(found.slice(line.length));
}

/** Every series of a tenant, by the labels that the row speaks of. */
async function storedSeries(
  target: WireTarget,
  tenant: string,
  wanted: readonly string[],
): Promise<string[]> {
  const first = wanted[0] ?? 'service_name=';
  const names = first.split(',').map((pair) => pair.slice(0, pair.indexOf('=')));
  const response = await target.fetch('/ingester.v1.IngesterService/Series', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: '*/*;allow-utf8-labelnames=true',
      'x-scope-orgid': tenant,
    },
    body: JSON.stringify({ labelNames: names }),
  });
  expect(response.status).toBe(200);
  const { labelsSet = [] } = (await response.json()) as {
    labelsSet?: { labels?: { name: string; value: string }[] }[];
  };
  return labelsSet
    .map(({ labels = [] }) =>
      names.map((name) => `${name}=${labels.find((one) => one.name === name)?.value ?? ''}`).join(),
    )
    .sort();
}
