// Pages of other sites that may push: the answers a browser asks for before it lets them. Owns the
// headers (https://fetch.spec.whatwg.org/#http-cors-protocol). Never for `*`, and never with what a
// browser has stored: a page shows its own key or gets nowhere.

const methods = 'POST';
// What the push doors read. A key in `Authorization` is set by the page, not by the browser.
const requestHeaders = [
  'Authorization',
  'Content-Type',
  'Content-Encoding',
  'Connect-Protocol-Version',
  'Connect-Timeout-Ms',
  'X-Scope-OrgID',
  'X-Request-Id',
].join(', ');
const maxAgeSeconds = 600;

/** The request's origin when it is one of the named ones. */
export function namedOrigin(request: Request, origins: readonly string[]): string | undefined {
  if (origins.length === 0) return undefined;
  const origin = request.headers.get('origin');
  return origin !== null && origins.includes(origin) ? origin : undefined;
}

/** The answer to the question whether a page may push. */
export function preflightAnswer(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': methods,
      'Access-Control-Allow-Headers': requestHeaders,
      'Access-Control-Max-Age': String(maxAgeSeconds),
    },
  });
}

/** Lets a page of the origin read the answer, whatever it is. */
export function allowOrigin(headers: Headers, origin: string): void {
  headers.set('Access-Control-Allow-Origin', origin);
  headers.set('Access-Control-Expose-Headers', 'Retry-After, X-Request-Id');
  headers.append('Vary', 'Origin');
}
