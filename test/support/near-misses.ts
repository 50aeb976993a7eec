// Guesses that are close to real keys, as headers that a client could send; and what must not be
// found of a key in anything that a server says. Owns the list of the ways in which they are close.
import { formatKey } from '../../src/auth/keys.ts';
import { basicAuth, digestOf, newKey } from './keys.ts';

export interface Guess {
  /** What was done to a key. */
  how: string;
  secret: string;
  headers: Record<string, string>;
}

type Below = (below: number) => number;
type Change = (key: string, below: Below) => string;

const prefix = 'phlox_';
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const withCharacter = (key: string, at: number, character: string) =>
  key.slice(0, at) + character + key.slice(at + 1);

/** A place behind the prefix. */
const placeIn = (key: string, below: Below) => prefix.length + below(key.length - prefix.length);

/** The 32 bytes of a key. */
function bytesOf(key: string): Uint8Array {
  const base64 = key.slice(prefix.length).replaceAll('-', '+').replaceAll('_', '/');
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const hex = (bytes: Uint8Array) =>
  [...bytes].map((one) => one.toString(16).padStart(2, '0')).join('');
const fromHex = (digits: string) =>
  Uint8Array.from(digits.match(/../g) ?? [], (one) => Number.parseInt(one, 16));

/** Each makes another text of a key, nearly always; what it leaves as it was is not a guess. */
const changes: Readonly<Record<string, Change>> = {
  'one bit of the bytes flipped': (key, below) => {
    const bytes = bytesOf(key);
    const at = below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << below(8));
    return formatKey(bytes);
  },
  'the bits behind the last byte changed': (key) => {
    const last = alphabet.indexOf(key.at(-1) ?? '');
    return key.slice(0, -1) + (alphabet[last ^ 1] ?? '');
  },
  'one character changed': (key, below) =>
    withCharacter(key, placeIn(key, below), alphabet[below(64)] ?? ''),
  'one character in the other case': (key, below) => {
    const at = placeIn(key, below);
    const character = key[at] ?? '';
    const upper = character.toUpperCase();
    return withCharacter(key, at, upper === character ? character.toLowerCase() : upper);
  },
  'two characters swapped': (key, below) => {
    const at = Math.min(placeIn(key, below), key.length - 2);
    return key.slice(0, at) + (key[at + 1] ?? '') + (key[at] ?? '') + key.slice(at + 2);
  },
  'cut short': (key, below) => key.slice(0, placeIn(key, below)),
  'without its first character': (key) => key.slice(1),
  'without its prefix': (key) => key.slice(prefix.length),
  'a character longer': (key, below) => key + (alphabet[below(64)] ?? ''),
  twice: (key) => key + key,
  'with padding': (key) => `${key}=`,
  'in upper case': (key) => key.toUpperCase(),
  'in lower case': (key) => key.toLowerCase(),
  'with its prefix in upper case': (key) => `PHLOX_${key.slice(prefix.length)}`,
  'with a dash in its prefix': (key) => `phlox-${key.slice(prefix.length)}`,
  'with a blank in it': (key, below) => {
    const at = placeIn(key, below);
    return `${key.slice(0, at)} ${key.slice(at)}`;
  },
  'with a tab behind it': (key) => `${key}\t.`,
  'in quotes': (key) => `"${key}"`,
  'percent-encoded': (key) => key.replace('_', '%5F'),
  'with a high character in it': (key, below) => withCharacter(key, placeIn(key, below), '\u00df'),
  backwards: (key) => [...key].reverse().join(''),
  rotated: (key) => prefix + key.slice(prefix.length + 1) + (key[prefix.length] ?? ''),
  'its bytes in plain base64': (key) => base64(bytesOf(key)),
  'its bytes in plain base64, with the prefix': (key) => prefix + base64(bytesOf(key)),
  'its bytes in hexadecimal digits': (key) => hex(bytesOf(key)),
  'itself in base64': (key) => btoa(key),
  'its digest': (key) => digestOf(key),
  'its digest as a key': (key) => prefix + digestOf(key).slice(0, 43),
  'the digest of its bytes': (key) => prefix + digestOf(hex(bytesOf(key))).slice(0, 43),
  'the bytes of its digest as a key': (key) => formatKey(fromHex(digestOf(key))),
  'another key': () => newKey('tenant-a', 'push').key,
};

/** How a secret is shown; a user may be the right one or another. */
const schemes: readonly ((secret: string) => Record<string, string>)[] = [
  (secret) => ({ authorization: `Bearer ${secret}` }),
  (secret) => ({ authorization: `bearer ${secret}`, 'x-scope-orgid': 'tenant-a' }),
  (secret) => basicAuth('tenant-a', secret),
  (secret) => basicAuth('', secret),
  (secret) => basicAuth('tenant-b', secret),
];

/** Right keys shown in ways that are not one of the two. */
const wrongSchemes: Readonly<Record<string, (key: string) => Record<string, string>>> = {
  'a key as user': (key) => basicAuth(key, ''),
  'a key as user and nothing of a password': (key) => ({ authorization: `Basic ${btoa(key)}` }),
  'a key in a scheme of another name': (key) => ({ authorization: `Token ${key}` }),
  'a key without a scheme': (key) => ({ authorization: key }),
  'a key in front of another': (key) => ({ authorization: `Bearer ${key}, Bearer ${key}` }),
  'a key as plain text of basic': (key) => ({ authorization: `Basic tenant-a:${key}` }),
  'a password with a blank before it': (key) => basicAuth('tenant-a', ` ${key}`),
  'a password with a line break behind it': (key) => basicAuth('tenant-a', `${key}\n`),
  'a password with a NUL behind it': (key) => basicAuth('tenant-a', `${key}\0`),
  'a password behind two colons': (key) => basicAuth('tenant-a:', key),
};

/** `count` guesses, every way among them when there are enough. */
export function nearMisses(keys: readonly string[], count: number, below: Below): Guess[] {
  const ways = Object.entries(changes);
  const wrongWays = Object.entries(wrongSchemes);
  const guesses: Guess[] = [];
  for (let turn = 0; guesses.length < count; turn++) {
    const key = keys[below(keys.length)] ?? '';
    const way = turn % (ways.length + wrongWays.length);
    const [wrong, show] = wrongWays[way - ways.length] ?? [];
    if (wrong !== undefined && show !== undefined) {
      // What is left of a key in such a header is nobody's secret to be found again.
      guesses.push({ how: wrong, secret: `${wrong} ${turn}`, headers: show(key) });
      continue;
    }
    const [how, change] = ways[way] as [string, Change];
    const secret = change(key, below);
    if (keys.includes(secret)) continue;
    const scheme = schemes[below(schemes.length)] as (typeof schemes)[number];
    guesses.push({ how, secret, headers: scheme(secret) });
  }
  return guesses;
}

/** Which traces of a key a text has: of the key, of its bytes and digest, in the usual codes. */
export function secretsIn(text: string, key: string): string[] {
  const bytes = bytesOf(key);
  const digest = digestOf(key);
  const digestBytes = fromHex(digest);
  const traces: Record<string, string> = {
    'the key': key.slice(prefix.length, prefix.length + 20),
    'the end of the key': key.slice(-20),
    'its bytes in base64': base64(bytes).slice(0, 20),
    'its bytes in digits': hex(bytes).slice(0, 20),
    'its digest': digest.slice(0, 20),
    'the end of its digest': digest.slice(-20),
    'its digest in base64': base64(digestBytes).slice(0, 20),
  };
  // Base64 of a text that the key is in depends on what is before it, by thirds.
  for (const before of ['', 'x', 'xx']) {
    const text64 = btoa(`${before}${key}`);
    traces[`the key in base64 behind ${before.length}`] = text64.slice(12, 40);
  }
  const lower = text.toLowerCase();
  return Object.entries(traces)
    .filter(([, trace]) => text.includes(trace) || lower.includes(trace.toLowerCase()))
    .map(([name]) => name);
}
