// What a client shows to get in: the `Authorization` header, in the two schemes that profilers and
// Grafana know. Owns how it is read; whether it lets anybody in is the guard's.

export interface Credentials {
  /** As sent; may be anything. */
  secret: string;
  /** The user of basic credentials, where SDKs put the tenant; empty when there is none. */
  user: string;
}

// A key is 49 characters and a tenant 150 bytes; what is longer is neither.
const headerCharsMax = 1_024;

/**
 * The credentials of a header: `Bearer KEY`, or `Basic` with the key as password. Undefined when
 * there is no header; empty ones, which are nobody's, for a header that cannot be read.
 */
export function parseAuthorization(header: string | null): Credentials | undefined {
  if (header === null) return undefined;
  const match = header.length > headerCharsMax ? null : /^(\w+) +(\S+) *$/.exec(header);
  const [, scheme = '', value = ''] = match ?? [];
  if (scheme.toLowerCase() === 'bearer') return { secret: value, user: '' };
  return (scheme.toLowerCase() === 'basic' && basic(value)) || { secret: '', user: '' };
}

function basic(base64: string): Credentials | undefined {
  let text: string;
  try {
    text = atob(base64);
  } catch {
    // Not base64: no credentials, as everything else that cannot be read.
    return undefined;
  }
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), secret: text.slice(colon + 1) };
}
