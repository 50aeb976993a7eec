// Keys: what one looks like, what is kept of it, and whom it lets in. A key is 256 random bits that
// phlox makes; a server knows its SHA-256 alone. Owns the text that settings and `phlox keys`
// share. Nothing it throws repeats a word of that text: a secret may be in it by mistake.
import * as v from 'valibot';
import { Failure } from '../errors.ts';
import { isTenantName } from './tenant.ts';

export const scopes = ['push', 'query', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** The tenant of operator keys: they act on all tenants. */
export const everyTenant = '*';

/** What is known of a key. */
export interface KeyEntry {
  /** Of the whole key as text, in lower-case hexadecimal digits. */
  sha256: string;
  /** A tenant, or `*`. */
  tenant: string;
  /** No scope includes another. */
  scopes: readonly Scope[];
  /** For people. */
  name?: string | undefined;
}

/** Secrets of this kind are found by scanners, and not taken for a digest or a file. */
const keyPrefix = 'phlox_';
export const keyBytes = 32;
const keyPattern = /^phlox_[A-Za-z0-9_-]{43}$/;
const keyAnywhere = /phlox_[A-Za-z0-9_-]{40}/;

// Files by hand stay far below; the file as a whole is bounded by its reader.
const entriesMax = 100_000;
const nameCharsMax = 100;

/** The key of 32 random bytes: `phlox_` and base64url. */
export function formatKey(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes));
  return keyPrefix + base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Whether it could be a key. What people choose never is, whatever the digests are of. */
export function isKeyShaped(text: string): boolean {
  return keyPattern.test(text);
}

/** Whether a key is in a text, such as a path, that should not hold one. */
export function holdsKey(text: string): boolean {
  return keyAnywhere.test(text);
}

/** What lists and logs may show of a key: no step towards the key or its whole digest. */
export function keyId({ sha256 }: Pick<KeyEntry, 'sha256'>): string {
  return sha256.slice(0, 12);
}

const entrySchema = v.strictObject(
  {
    sha256: v.pipe(
      v.string('sha256 is missing or no text'),
      v.regex(/^[0-9a-fA-F]{64}$/, 'sha256 is not 64 hexadecimal digits'),
      v.transform((digits) => digits.toLowerCase()),
    ),
    tenant: v.pipe(
      v.string('tenant is missing or no text'),
      // `*` is one.
      v.check(isTenantName, 'tenant is not a tenant name and not *'),
    ),
    scopes: v.pipe(
      v.array(v.picklist(scopes, `scopes are ${scopes.join(', ')}`), 'scopes are no list'),
      v.minLength(1, 'scopes are empty'),
      v.transform((given) => scopes.filter((scope) => given.includes(scope))),
    ),
    name: v.optional(
      v.pipe(
        v.string('name is no text'),
        v.maxLength(nameCharsMax, `name is over ${nameCharsMax} characters`),
        v.check((name) => !holdsKey(name), 'name is a key'),
      ),
    ),
  },
  'it is no object of sha256, tenant, scopes and perhaps name',
);

/** The entries of a JSON text. Throws `invalid`, naming the entry by its number from 1. */
export function parseKeys(text: string): KeyEntry[] {
  const json = parsedJson(text);
  if (!Array.isArray(json)) throw new Failure('invalid', 'keys are not a json list');
  if (json.length > entriesMax) {
    throw new Failure('invalid', `keys are ${json.length}, limit ${entriesMax}`);
  }
  const seen = new Set<string>();
  return json.map((one: unknown, i) => {
    const result = v.safeParse(entrySchema, one);
    if (!result.success) throw new Failure('invalid', `key ${i + 1}: ${result.issues[0].message}`);
    const entry = result.output;
    if (seen.has(entry.sha256)) {
      throw new Failure('invalid', `key ${i + 1}: sha256 is that of an earlier key`);
    }
    seen.add(entry.sha256);
    return entry;
  });
}

/** One entry a line, so that a diff of two versions can be read. */
export function formatKeys(entries: readonly KeyEntry[]): string {
  if (entries.length === 0) return '[]\n';
  return `[\n${entries.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`;
}

/** Digits of a digest that a look-up begins with: few keys share them. */
const prefixDigits = 16;

/** The keys in force. */
export class KeyRing {
  readonly #byPrefix = new Map<string, KeyEntry[]>();

  constructor(entries: readonly KeyEntry[]) {
    for (const entry of entries) {
      const prefix = entry.sha256.slice(0, prefixDigits);
      const others = this.#byPrefix.get(prefix);
      if (others === undefined) this.#byPrefix.set(prefix, [entry]);
      else others.push(entry);
    }
  }

  /**
   * The key of a digest. Whose prefix is known is told by the time it takes, as by what `keyId`
   * shows; how much of the rest is right is not: all of it is compared.
   */
  find(sha256: string): KeyEntry | undefined {
    let found: KeyEntry | undefined;
    for (const entry of this.#byPrefix.get(sha256.slice(0, prefixDigits)) ?? []) {
      if (isEqualInConstantTime(entry.sha256, sha256)) found = entry;
    }
    return found;
  }
}

/** Looks at every character whatever differs; texts of another length differ. */
function isEqualInConstantTime(known: string, given: string): boolean {
  let difference = known.length ^ given.length;
  for (let i = 0; i < known.length; i++) {
    difference |= known.charCodeAt(i) ^ given.charCodeAt(i);
  }
  return difference === 0;
}

/** What JSON.parse says quotes the text. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure('invalid', 'keys are not json');
  }
}
