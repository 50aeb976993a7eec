// Answers that do not go through connect-es: gzip for clients that take it. Owns when it is worth
// the time.
import type { Platform } from '../platform.ts';

// Smaller answers cost more to compress than to send.
export const compressedBytesMin = 1024;

// Compressing more than this at once would keep everybody else waiting for over 10 ms. In pieces it
// takes several times as long in all, which an answer this size can bear.
const atOnceBytesMax = 1 << 20;
const pieceBytes = 64 * 1024;

const gzipToken = /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?(?=,|$)/i;

/** True when the Accept-Encoding header takes gzip. */
export function takesGzip(headers: Headers): boolean {
  const match = gzipToken.exec(headers.get('accept-encoding') ?? '');
  return match !== null && (match[1] === undefined || Number(match[1]) > 0);
}

/** A 200 with this body, compressed for clients that take it. `bytes` belongs to the answer. */
export function answer(
  request: Request,
  platform: Pick<Platform, 'gzip'>,
  contentType: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const all = { 'Content-Type': contentType, Vary: 'Accept-Encoding', ...headers };
  if (bytes.byteLength < compressedBytesMin || !takesGzip(request.headers)) {
    return new Response(bodyOf(bytes), { headers: all });
  }
  const body =
    bytes.byteLength > atOnceBytesMax
      ? piecesOf(bytes).pipeThrough(new CompressionStream('gzip'))
      : bodyOf(platform.gzip(bytes));
  return new Response(body, { headers: { ...all, 'Content-Encoding': 'gzip' } });
}

/** The same bytes; copied only from memory that is shared with others. */
function bodyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? (bytes as Uint8Array<ArrayBuffer>)
    : new Uint8Array(bytes);
}

function piecesOf(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  const whole = bodyOf(bytes);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= whole.byteLength) controller.close();
      else controller.enqueue(whole.subarray(at, at + pieceBytes));
      at += pieceBytes;
    },
  });
}
