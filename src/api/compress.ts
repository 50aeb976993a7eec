// Answers that do not go through connect-es: gzip for clients that take it. Owns when it is worth
// the time.
import type { Platform } from '../platform.ts';

// Smaller answers cost more to compress than to send.
export const compressedBytesMin = 1024;

const gzipToken = /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?(?=,|$)/i;

/** True when the Accept-Encoding header takes gzip. */
export function takesGzip(headers: Headers): boolean {
  const match = gzipToken.exec(headers.get('accept-encoding') ?? '');
  return match !== null && (match[1] === undefined || Number(match[1]) > 0);
}

/** A 200 with this body. `bytes` is not used afterwards by the caller. */
export function answer(
  request: Request,
  platform: Pick<Platform, 'gzip'>,
  contentType: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const all = { 'Content-Type': contentType, Vary: 'Accept-Encoding', ...headers };
  if (bytes.byteLength < compressedBytesMin || !takesGzip(request.headers)) {
    return new Response(new Uint8Array(bytes), { headers: all });
  }
  const body = new Uint8Array(platform.gzip(bytes));
  return new Response(body, { headers: { ...all, 'Content-Encoding': 'gzip' } });
}
