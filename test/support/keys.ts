// Keys as `phlox keys add` makes them, with their entries, for tests of what they open.
import { formatKey, type KeyEntry, type Scope } from '../../src/auth/keys.ts';
import { toHex } from '../../src/lib/hex.ts';
import { sha256 } from '../../src/runtime/sha256.ts';

export interface TestKey {
  key: string;
  entry: KeyEntry;
  bearer: Record<string, string>;
}

/** A new key. */
export function newKey(tenant: string, ...scopes: Scope[]): TestKey {
  const key = formatKey(crypto.getRandomValues(new Uint8Array(32)));
  const entry = { sha256: digestOf(key), tenant, scopes };
  return { key, entry, bearer: { authorization: `Bearer ${key}` } };
}

/** SHA-256 of a text in hexadecimal digits. */
export function digestOf(text: string): string {
  return toHex(sha256(new TextEncoder().encode(text)));
}

/** The header of basic credentials. */
export function basicAuth(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${btoa(`${user}:${password}`)}` };
}
