// Who a browser thinks it talks to. Owns the checks that keep pages of other sites away: from a
// server without keys, which a page reaches whose name was re-pointed to this machine (its `Host`
// is foreign) or that posts a form (its `Origin` is), and from the password that a browser has
// stored for a server with keys.
import { Refusal } from './errors.ts';

/** Throws 403; `isNamed`: the request's Origin is one that settings name for this route. */
export type HostCheck = (request: Request, isNamed: boolean) => void;

const loopbackHosts = ['localhost', '127.0.0.1', '[::1]'];
const hostAndPort = /^(\[[0-9a-f:.]+\]|[^:[\]]+?)\.?(?::\d{1,5})?$/;

/** The hosts to allow on a server that listens on `hostname`: loopback's names and that one. */
export function allowedHostsFor(hostname: string): string[] {
  const name = hostname.toLowerCase();
  return [...new Set([...loopbackHosts, name.includes(':') ? `[${name}]` : name])];
}

/** For servers without keys: Host, and Origin when there is one, must name an allowed host. */
export function createHostCheck(allowedHosts: readonly string[]): HostCheck {
  const allowed = new Set(allowedHosts);
  return (request, isNamed) => {
    const host = hostOf(request);
    if (!allowed.has(hostnameOf(host))) throw refusedWithoutKeys('host', host);
    if (isNamed) return;
    const origin = request.headers.get('origin');
    if (origin !== null && !allowed.has(hostnameOf(hostOfOrigin(origin)))) {
      throw refusedWithoutKeys('origin', origin);
    }
    refuseCrossSite(request);
  };
}

/** For servers with keys: an Origin, when there is one, must be the server's own. */
export const checkOrigin: HostCheck = (request, isNamed) => {
  const { headers } = request;
  // Only the browser writes it, so that a proxy that changes the host is no hindrance.
  if (isNamed || headers.get('sec-fetch-site') === 'same-origin') return;
  const origin = headers.get('origin');
  if (origin !== null && hostOfOrigin(origin) !== hostOf(request).trim().toLowerCase()) {
    throw refused(`origin ${shown(origin)} is foreign and not among corsOrigins`);
  }
  refuseCrossSite(request);
};

/**
 * What a page of another site makes a browser fetch, also without an Origin; following a link is
 * what its user does. https://www.w3.org/TR/fetch-metadata/
 */
function refuseCrossSite({ headers, method }: Request): void {
  if (headers.get('sec-fetch-site') !== 'cross-site') return;
  const isSafe = method === 'GET' || method === 'HEAD';
  if (isSafe && headers.get('sec-fetch-mode') === 'navigate') return;
  throw refused('a page of another site is not allowed to ask');
}

/** Without the header the URL tells, as it does over HTTP/2, or is the path alone. */
function hostOf({ headers, url }: Request): string {
  return headers.get('host') ?? (url.startsWith('/') ? '' : new URL(url).host);
}

/** Lower case and without its port; empty when it is not a host. */
function hostnameOf(host: string): string {
  return hostAndPort.exec(host.trim().toLowerCase())?.[1] ?? '';
}

/** With its port, in lower case; empty when it is not an origin of the web. */
function hostOfOrigin(origin: string): string {
  const match = /^https?:\/\/([^/?#@]+)$/i.exec(origin.trim());
  return match?.[1]?.toLowerCase() ?? '';
}

function refusedWithoutKeys(what: string, value: string): Refusal {
  return refused(`${what} ${shown(value)} is not allowed while requests need no key`);
}

function refused(message: string): Refusal {
  return new Refusal(403, 'permission_denied', message);
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 256));
}
