// `multipart/form-data` over a body that is in memory already. Owns boundaries and part headers;
// contents stay views. The parsers of the runtimes copy every part, and differ in their bounds. A
// body may be lines alone, so that looking for boundaries is done in steps.
// https://www.rfc-editor.org/rfc/rfc7578 https://www.rfc-editor.org/rfc/rfc2046#section-5.1
import { Failure } from '../errors.ts';
import { Pace, type Steps } from './steps.ts';

export interface Part {
  name: string;
  /** Undefined: a plain field, not a file. */
  filename: string | undefined;
  /** A view into the body. */
  content: Uint8Array;
}

/** RFC 2046 has 70; some senders have more. */
const boundaryCharsMax = 256;
const partsMax = 64;
const headerBytesMax = 8 * 1024;
const cr = 13;
const lf = 10;
const dash = 45;

/** What a line takes, and how many bytes of it take a unit more: looking for its end is quick. */
const unitsOfLine = 4;
const scanShift = 5;

const utf8 = new TextEncoder();

/** The boundary that a content type names; undefined when it is not `multipart/form-data`. */
export function multipartBoundary(contentType: string): string | undefined {
  if (!/^\s*multipart\/form-data\s*(;|$)/i.test(contentType)) return undefined;
  const boundary = parameter(contentType, 'boundary') ?? '';
  if (boundary === '' || boundary.length > boundaryCharsMax) {
    throw invalid(
      `boundary is ${boundary.length} characters, 1 to ${boundaryCharsMax} are allowed`,
    );
  }
  return boundary;
}

/** True when the body begins as one with this boundary does. */
export function startsMultipart(body: Uint8Array, boundary: string): boolean {
  return startsWith(body, 0, utf8.encode(`--${boundary}`));
}

/**
 * The parts in their order; what is before the first and after the last boundary does not count.
 * Throws `invalid` for a body without its closing boundary, and for parts without a name.
 */
export function* parseMultipart(body: Uint8Array, boundary: string): Steps<Part[]> {
  const delimiter = utf8.encode(`--${boundary}`);
  const parts: Part[] = [];
  const pace = new Pace();
  let found = yield* findDelimiter(body, 0, delimiter, pace);
  for (;;) {
    if (found === undefined) throw invalid('closing boundary is missing');
    if (body[found.end] === dash && body[found.end + 1] === dash) return parts;
    const start = afterLine(body, found.end);
    const next = yield* findDelimiter(body, start, delimiter, pace);
    if (next === undefined) throw invalid('closing boundary is missing');
    if (parts.length === partsMax) throw invalid(`more than ${partsMax} parts, the limit`);
    parts.push(parsePart(body, start, next.start));
    found = next;
  }
}

/** The first file part of a name that is not empty. */
export function filePart(parts: readonly Part[], name: string): Uint8Array | undefined {
  const first = parts.find((part) => part.name === name && part.filename !== undefined);
  return first === undefined || first.content.byteLength === 0 ? undefined : first.content;
}

/** Where the line with the delimiter starts, its line break included, and where the dashes end. */
function* findDelimiter(
  body: Uint8Array,
  from: number,
  delimiter: Uint8Array,
  pace: Pace,
): Steps<{ start: number; end: number } | undefined> {
  if (startsWith(body, from, delimiter)) return { start: from, end: from + delimiter.length };
  let lineStart = from;
  for (let at = body.indexOf(lf, from); at !== -1; at = body.indexOf(lf, at + 1)) {
    if (pace.spend(unitsOfLine + ((at - lineStart) >> scanShift))) yield;
    lineStart = at;
    if (!startsWith(body, at + 1, delimiter)) continue;
    const start = at > from && body[at - 1] === cr ? at - 1 : at;
    return { start, end: at + 1 + delimiter.length };
  }
  return undefined;
}

/** Where the line after the delimiter's begins; spaces may follow a delimiter. */
function afterLine(body: Uint8Array, from: number): number {
  const at = body.indexOf(lf, from);
  if (at === -1) throw invalid('body ends in a boundary');
  return at + 1;
}

function parsePart(body: Uint8Array, start: number, end: number): Part {
  const headers: string[] = [];
  let at = start;
  for (;;) {
    const lineEnd = body.indexOf(lf, at);
    if (lineEnd === -1 || lineEnd >= end) throw invalid('a part has no end of its headers');
    if (lineEnd - start > headerBytesMax) {
      throw invalid(`headers of a part are more than ${headerBytesMax} bytes, the limit`);
    }
    const line = new TextDecoder().decode(body.subarray(at, lineEnd)).trimEnd();
    at = lineEnd + 1;
    if (line === '') break;
    headers.push(line);
  }
  const disposition = headers.find((line) => /^content-disposition\s*:/i.test(line)) ?? '';
  const name = parameter(disposition, 'name');
  if (name === undefined) throw invalid('a part has no name');
  return { name, filename: parameter(disposition, 'filename'), content: body.subarray(at, end) };
}

/**
 * A parameter of a header, quoted or bare, in its plain or its `*` form; the first of a name. What
 * is inside quotes is never taken for another parameter.
 */
function parameter(header: string, name: string): string | undefined {
  const pattern = /;\s*([^\s;="]*)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*)))?[^;]*/y;
  pattern.lastIndex = Math.max(0, header.indexOf(';'));
  for (let match = pattern.exec(header); match !== null; match = pattern.exec(header)) {
    const [, key = '', quoted, bare = ''] = match;
    if (key.replace(/\*$/, '').toLowerCase() !== name) continue;
    return quoted?.replaceAll(/\\(.)/g, '$1') ?? bare;
  }
  return undefined;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  if (at + prefix.length > bytes.byteLength) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

function invalid(what: string): Failure {
  return new Failure('invalid', `multipart: ${what}`, { reason: 'malformed_profile' });
}
