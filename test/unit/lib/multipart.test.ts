// Forms in memory: what senders write, and what they should not.
import { describe, expect, it } from 'vitest';
import { filePart, multipartBoundary, parseMultipart } from '../../../src/lib/multipart.ts';
import { finish } from '../../../src/lib/steps.ts';
import { formBody } from '../../support/upload.ts';

const encoder = new TextEncoder();

function partsOf(body: Uint8Array, boundary: string) {
  return finish(parseMultipart(body, boundary));
}

function parsed(text: string, boundary = 'b') {
  return partsOf(encoder.encode(text), boundary).map(({ name, filename, content }) => [
    name,
    filename,
    new TextDecoder().decode(content),
  ]);
}

it.each([
  ['multipart/form-data; boundary=abc', 'abc'],
  ['Multipart/Form-Data;charset=utf-8; Boundary="a b;c"', 'a b;c'],
  ['multipart/form-data; a="; boundary=x"; boundary=y', 'y'],
  ['multipart/form-data; boundary=x; boundary=y', 'x'],
  ['application/json; boundary=abc', undefined],
  ['', undefined],
])('%j has the boundary %j', (type, boundary) => {
  expect(multipartBoundary(type)).toBe(boundary);
});

it('refuses boundaries that are none', () => {
  expect(() => multipartBoundary('multipart/form-data')).toThrowError('boundary is 0 characters');
  const long = `multipart/form-data; boundary=${'x'.repeat(257)}`;
  expect(() => multipartBoundary(long)).toThrowError('boundary is 257 characters');
});

it('reads what the runtime writes', async () => {
  const form = new FormData();
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 256);
  form.append('profile', new Blob([bytes]), 'a "quoted".pprof');
  form.append('note', 'é\r\n--x');
  const request = new Request('http://x/', { method: 'POST', body: form });
  const boundary = multipartBoundary(request.headers.get('content-type') ?? '') ?? '';
  const parts = partsOf(new Uint8Array(await request.arrayBuffer()), boundary);
  expect(parts.map(({ name }) => name)).toEqual(['profile', 'note']);
  expect(filePart(parts, 'profile')).toEqual(bytes);
  expect(filePart(parts, 'note')).toBeUndefined();
});

it.each<[string, string, [string, string | undefined, string][]]>([
  [
    'bare line feeds and a preamble',
    'x\n--b\nContent-Disposition: form-data; name=a; filename=f\n\n1\n2\n--b--\n',
    [['a', 'f', '1\n2']],
  ],
  [
    'spaces after a boundary, text after the last',
    '--b  \r\ncontent-disposition:form-data; filename="f"; name="a"\r\n\r\n\r\n--b--x',
    [['a', 'f', '']],
  ],
  ['no parts', '--b--', []],
  [
    'an empty file name, and content like a boundary',
    '--b\r\nContent-Disposition: form-data; name="a"; filename=""\r\n\r\n-b\r\n -b--\r\n--b--',
    [['a', '', '-b\r\n -b--']],
  ],
])('reads %s', (_, text, expected) => {
  expect(parsed(text)).toEqual(expected);
});

it.each([
  ['', 'closing boundary is missing'],
  ['--b', 'body ends in a boundary'],
  ['--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1', 'closing boundary is missing'],
  ['--b\r\nContent-Disposition: form-data; name="a"\r\n--b--', 'no end of its headers'],
  ['--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--', 'a part has no name'],
  [`--b\r\nX: ${'x'.repeat(9000)}\r\n\r\n1\r\n--b--`, 'headers of a part are more than 8192 bytes'],
])('refuses %j', (text, message) => {
  expect(() => parsed(text)).toThrowError(message);
});

it('takes 64 parts and refuses the next', () => {
  const parts = Array.from({ length: 65 }, (_, i) => ({ name: `n${i}`, content: '' }));
  expect(partsOf(formBody(parts.slice(1)), 'xyz').length).toBe(64);
  expect(() => partsOf(formBody(parts), 'xyz')).toThrowError('more than 64 parts');
});

describe('what is inside quotes', () => {
  it.each([
    ['name="a; filename=b"', 'a; filename=b', undefined],
    ['filename="x; name=evil"; name="a"', 'a', 'x; name=evil'],
    ['name="a\\"; filename=b"', 'a"; filename=b', undefined],
    ["name=a; filename*=UTF-8''b.pprof", 'a', "UTF-8''b.pprof"],
    ['name="a"; name="b"', 'a', undefined],
    ['name="a" ; filename = "b"', 'a', 'b'],
    ['garbage; name="a"', 'a', undefined],
    ['name="a"garbage; filename="b"', 'a', 'b'],
    ['xname="x"; name="a"', 'a', undefined],
  ])('is no parameter: %s', (parameters, name, filename) => {
    const text = `--b\r\nContent-Disposition: form-data; ${parameters}\r\n\r\n1\r\n--b--`;
    expect(parsed(text)).toEqual([[name, filename, '1']]);
  });
});

it('lets others have their turn while it looks for boundaries', () => {
  const lines = '\n'.repeat(2 ** 20);
  const body = encoder.encode(
    `--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n${lines}\r\n--b--`,
  );
  const steps = parseMultipart(body, 'b');
  let count = 0;
  while (!steps.next().done) count++;
  // A step is some 0.2 ms: 2^20 lines are nothing that anybody may wait for.
  expect(count).toBeGreaterThan(2 ** 20 / 2 ** 14);
});
