// Who a browser thinks it talks to. Owns the check that keeps web pages from reaching a server that
// has no keys: a page whose name was re-pointed to this machine has a foreign `Host`, a form posted
// from another site a foreign `Origin`.
import { Refusal } from './errors.ts';

const loopbackHosts = ['localhost', '127.0.0.1', '[::1]'];
const hostAndPort = /^(\[[0-9a-f:.]+\]|[^:[\]]+?)\.?(?::\d{1,5})?$/;

/** The hosts to allow on a server that listens on `hostname`: loopback's names and that one. */
export function allowedHostsFor(hostname: string): string[] {
  const name = hostname.toLowerCase();
  return [...new Set([...loopbackHosts, name.includes(':') ? `[${name}]` : name])];
}

/** Throws 403 unless the request's Host, and its Origin when it has one, name an allowed host. */
export function createHostCheck(allowedHosts: readonly string[]): (request: Request) => void {
  const allowed = new Set(allowedHosts);
  return (request) => {
    const { headers, url } = request;
    // Without the header the URL tells, as it does over HTTP/2, or is the path alone.
    const host = headers.get('host') ?? (url.startsWith('/') ? '' : new URL(url).host);
    if (!allowed.has(hostnameOf(host))) throw refused('host', host);
    const origin = headers.get('origin');
    if (origin !== null && !allowed.has(hostnameOfOrigin(origin))) throw refused('origin', origin);
  };
}

/** Lower case and without its port; empty when it is not a host. */
function hostnameOf(host: string): string {
  return hostAndPort.exec(host.trim().toLowerCase())?.[1] ?? '';
}

function hostnameOfOrigin(origin: string): string {
  const match = /^https?:\/\/([^/?#@]+)$/i.exec(origin.trim());
  return match?.[1] === undefined ? '' : hostnameOf(match[1]);
}

function refused(what: string, value: string): Refusal {
  const shown = JSON.stringify(value.slice(0, 256));
  const message = `${what} ${shown} is not allowed while requests need no key`;
  return new Refusal(403, 'permission_denied', message);
}
