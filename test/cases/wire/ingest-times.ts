// More rows of section 2: times, bounds from both sides, forms that say a thing twice, and JFR in
// every dress.
import { gzip } from '../../../src/runtime/gzip.ts';
import { toTree } from '../../support/stack-formats.ts';
import { type FormPart, formBody } from '../../support/upload.ts';
import { padded, pprof } from './profiles.ts';
import type { WireClock, WireRow } from './row.ts';

const folded = 'main;work 7\n';
const stored = ['service_name=shop'];
const form = { 'content-type': 'multipart/form-data; boundary=xyz' };
const malformed = 'malformed_profile';

export function ingestTimeRows(clock: WireClock): WireRow[] {
  return [
    ...times(clock),
    ...bounds(clock),
    ...forms(clock),
    ...recordings(clock),
    ...spies(clock),
  ];
}

type Body = Uint8Array | string;

function accepted(title: string, path: string, body: Body, more: Partial<WireRow> = {}): WireRow {
  return { title, path, body, status: 200, answer: '', stored, ...more };
}

function refused(title: string, path: string, body: Body, more: Partial<WireRow>): WireRow {
  return { title, path, body, status: 422, code: 'invalid_argument', ...more };
}

function times({ nowMs }: WireClock): WireRow[] {
  const seconds = Math.floor(nowMs / 1_000);
  const window = { status: 400, reason: 'not_in_ingestion_window' };
  const at = (title: string, from: string) =>
    accepted(`2.3 ${title}`, `/ingest?name=shop&from=${encodeURIComponent(from)}`, folded);
  const outside = (title: string, from: string, until = '') => {
    const path = `/ingest?name=shop&from=${encodeURIComponent(from)}&until=${until}`;
    return refused(`2.3 ${title}`, path, folded, window);
  };
  return [
    at('seconds', `${seconds}`),
    at('milliseconds', `${nowMs}`),
    at('microseconds', `${nowMs}000`),
    at('nanoseconds', `${nowMs}000000`),
    at('now', 'now'),
    at('minutes ago', 'now-5m'),
    at('an offset of two parts', 'now-1m30s'),
    at('minutes ahead', 'now+5m'),
    at(
      'seconds with marks that do not count',
      `${String(seconds).slice(0, 4)}_${String(seconds).slice(4)} `,
    ),
    at('a unit that is none', 'now-5parsecs'),
    outside('hours ago', 'now-3h'),
    outside('a day', '20200102'),
    outside('an hour ahead', 'now+1h'),
    outside('a start before the window, an end within', 'now-3h', 'now'),
  ];
}

function bounds(clock: WireClock): WireRow[] {
  const path = `/ingest?name=shop&from=${clock.nowMs}`;
  const good = pprof(clock);
  const whole = padded(good, 2 ** 22);
  const line = 'a'.repeat(65_536);
  return [
    accepted('2.6 a profile of just its bound', `${path}&format=pprof`, gzip(whole)),
    accepted('2.9 a line of just its bound', `${path}&format=lines`, `${line}\n`),
    accepted('2.9 a line without an end', `${path}&format=lines`, 'main;work'),
    accepted('2.9 folded text with blanks in its frames', path, 'main loop;do it 7\n'),
    accepted('2.9 nothing at all', path, '', { stored: [] }),
    accepted('2.9 an empty tree', `${path}&format=tree`, toTree([]), { stored: [] }),
    ...['PATCH', 'OPTIONS'].map(
      (method): WireRow => ({ title: `2 ${method}`, path, method, status: 405 }),
    ),
    refused('2.10 no name before no body', '/ingest', '', { status: 400, message: /^name/ }),
    refused('2.10 no tenant before no name', '/ingest', '', {
      status: 401,
      code: 'unauthenticated',
      tenant: null,
    }),
  ];
}

function forms(clock: WireClock): WireRow[] {
  const path = `/ingest?name=shop&from=${clock.nowMs}`;
  const good = pprof(clock);
  const file = (name: string, content: Body): FormPart => ({ name, filename: 'f', content });
  const profile = file('profile', good);
  const of = (...parts: FormPart[]) => ({ body: formBody(parts), headers: form });
  const row = (title: string, ...parts: FormPart[]) => {
    const { body, headers } = of(...parts);
    return accepted(`2.5 ${title}`, path, body, { headers });
  };
  const text = (body: Body) => ({ ...of(), body });
  const wrong = (title: string, { body, headers }: ReturnType<typeof text>, message: RegExp) =>
    refused(`2.5 ${title}`, path, body, { headers, message, reason: malformed });
  const head = '--xyz\r\nContent-Disposition: form-data; name="profile"; filename="f"\r\n';
  const inner = formBody([profile], 'inner');
  return [
    row('a profile given twice: the first counts', profile, file('profile', 'junk')),
    row('a field of that name before the file', { name: 'profile', content: 'junk' }, profile),
    row('parts that nobody knows', file('x', 'junk'), profile, { name: 'y', content: 'junk' }),
    row('an empty profile before', file('prev_profile', ''), profile),
    row('types that are empty', profile, file('sample_type_config', '')),
    row('a name with another name in it', { ...profile, filename: 'a; name=jfr' }),
    wrong('an empty body', text(''), /closing boundary/),
    wrong('a form without its end', text(`${head}\r\njunk`), /closing boundary/),
    wrong('a part without the end of its headers', text(`${head}--xyz--`), /headers/),
    wrong(
      'headers over their bound',
      text(`${head}X: ${'x'.repeat(9_000)}\r\n\r\n\r\n--xyz--`),
      /8192/,
    ),
    wrong('more parts than there may be', of(...Array(65).fill(profile)), /64 parts/),
    wrong('a form in the place of a profile', of(file('profile', inner)), /./),
    wrong('types that are a list', of(profile, file('sample_type_config', '[]')), /not an object/),
  ];
}

function recordings(clock: WireClock): WireRow[] {
  const path = `/ingest?name=shop&from=${clock.nowMs}`;
  const jfr = Uint8Array.of(0x46, 0x4c, 0x52, 0, 0, 2);
  const unsupported = {
    status: 415,
    code: 'unimplemented',
    message: /pprof/,
    deviation: 'Pyroscope reads JFR; here the answer says how to send pprof',
  };
  const part = { name: 'jfr', filename: 'jfr', content: jfr };
  return [
    refused('2.8 a recording among files', path, formBody([part]), {
      ...unsupported,
      headers: form,
    }),
    refused('2.8 a recording among files, by its format', `${path}&format=jfr`, formBody([part]), {
      ...unsupported,
      headers: form,
    }),
    refused('2.8 a recording that is not called one', path, jfr, unsupported),
    refused('2.8 a format with nothing in it', `${path}&format=jfr`, '', unsupported),
  ];
}

/** What a client's name changes. */
function spies(clock: WireClock): WireRow[] {
  const path = `/ingest?name=shop&from=${clock.nowMs}&format=pprof`;
  const dashed = pprof(clock, { sampleTypes: [['inuse-space', 'bytes']] });
  const config = JSON.stringify({ 'inuse-space': { 'display-name': 'inuse-space' } });
  const parts = [
    { name: 'profile', filename: 'f', content: dashed },
    { name: 'sample_type_config', filename: 'f', content: config },
  ];
  return [
    accepted('2.1 the client becomes a label', `${path}&spyName=gospy`, pprof(clock), {
      stored: ['service_name=shop,pyroscope_spy=gospy'],
    }),
    accepted('2.1 no client', path, pprof(clock), {
      stored: ['service_name=shop,pyroscope_spy=unknown'],
    }),
    accepted(
      '2.6 dashes of .NET, told by its types alone',
      `/ingest?name=shop&from=${clock.nowMs}`,
      formBody(parts),
      { headers: form, stored: ['service_name=shop,__type__=inuse_space'] },
    ),
    refused('2.6 dashes of another client', `${path}&spyName=gospy`, dashed, {
      message: /inuse-space/,
      reason: malformed,
    }),
    accepted(
      '2.2 a service beside a pprof',
      path.replace('shop', 'shop%7Bservice_name%3Dpay%7D'),
      pprof(clock),
      {
        stored: ['service_name=pay,app_name='],
      },
    ),
  ];
}
