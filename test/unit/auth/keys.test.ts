// Keys as text: what is made, what is read, and that mistakes are named without their content.
import { describe, expect, it } from 'vitest';
import { parseAuthorization } from '../../../src/auth/credentials.ts';
import {
  formatKey,
  formatKeys,
  holdsKey,
  isKeyShaped,
  KeyRing,
  keyId,
  parseKeys,
} from '../../../src/auth/keys.ts';
import { messageOf } from '../../../src/errors.ts';
import { basicAuth, digestOf, newKey } from '../../support/keys.ts';

const sha256 = 'ab'.repeat(32);

describe('a key', () => {
  it('is a mark and 256 bits in base64url', () => {
    expect(formatKey(new Uint8Array(32))).toBe(`phlox_${'A'.repeat(43)}`);
    expect(formatKey(new Uint8Array(32).fill(255))).toBe(`phlox_${'_'.repeat(42)}8`);
    for (let i = 0; i < 1_000; i++) expect(isKeyShaped(newKey('a', 'push').key)).toBe(true);
  });

  it.each(['', 'hunter2', sha256, `phlox_${'A'.repeat(42)}`, `phlox_${'A'.repeat(44)}`])(
    'is not %j',
    (text) => {
      expect(isKeyShaped(text)).toBe(false);
    },
  );

  it('is found where it should not be', () => {
    const { key } = newKey('a', 'push');
    expect([holdsKey(key), holdsKey(`./${key}.json`), holdsKey('/etc/phlox_keys.json')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('parseKeys', () => {
  it('reads what formatKeys writes, one entry a line', () => {
    const entries = [newKey('a', 'push').entry, { ...newKey('*', 'admin').entry, name: 'me' }];
    const text = formatKeys(entries);
    expect(text.split('\n')).toHaveLength(5);
    expect(parseKeys(text)).toEqual(entries);
    expect(parseKeys(formatKeys([]))).toEqual([]);
  });

  it('takes digits of either case, and each scope once', () => {
    const upper = { sha256: sha256.toUpperCase(), tenant: 'a', scopes: ['admin', 'push', 'push'] };
    expect(parseKeys(JSON.stringify([upper]))).toEqual([
      { sha256, tenant: 'a', scopes: ['push', 'admin'] },
    ]);
  });

  const secret = newKey('a', 'push').key;
  const entry = { sha256, tenant: 'a', scopes: ['push'] };
  it.each([
    [`{"key": ${secret}`, 'keys are not json'],
    [JSON.stringify({ secret }), 'keys are not a json list'],
    [[secret], 'key 1: it is no object of sha256, tenant, scopes and perhaps name'],
    [[entry, { ...entry, sha256: secret }], 'key 2: sha256 is not 64 hexadecimal digits'],
    [[{ ...entry, sha256: undefined }], 'key 1: '],
    [[{ ...entry, tenant: `${secret}/` }], 'key 1: tenant is not a tenant name and not *'],
    [[{ ...entry, tenant: 'a|b' }], 'key 1: tenant is not a tenant name and not *'],
    [[{ ...entry, scopes: [secret] }], 'key 1: scopes are push, query, admin'],
    [[{ ...entry, scopes: secret }], 'key 1: scopes are no list'],
    [[{ ...entry, scopes: [] }], 'key 1: scopes are empty'],
    [[{ ...entry, name: secret }], 'key 1: name is a key'],
    [[{ ...entry, name: 'x'.repeat(101) }], 'key 1: name is over 100 characters'],
    [[{ ...entry, key: secret }], 'key 1: '],
    [[{ ...entry, [secret]: 1 }], 'key 1: '],
    [[entry, entry], 'key 2: sha256 is that of an earlier key'],
    [Array.from({ length: 100_001 }, () => 1), 'keys are 100001, limit 100000'],
  ])('refuses what is wrong, and does not repeat it: %#', (value, message) => {
    let said = 'accepted';
    try {
      parseKeys(typeof value === 'string' ? value : JSON.stringify(value));
    } catch (error) {
      said = messageOf(error);
    }
    expect(said.startsWith(message), said).toBe(true);
    expect(said).not.toContain(secret.slice(6, 20));
    expect(said).not.toContain(sha256.slice(0, 20));
  });
});

describe('KeyRing', () => {
  it('finds a key by its digest alone', () => {
    const [a, b] = [newKey('a', 'push'), newKey('a', 'query')];
    const ring = new KeyRing([a.entry, b.entry]);
    expect(ring.find(digestOf(b.key))).toBe(b.entry);
    expect(ring.find(b.key)).toBeUndefined();
    expect(ring.find('')).toBeUndefined();
    expect(keyId(a.entry)).toBe(a.entry.sha256.slice(0, 12));
  });
});

describe('digests that are nearly the same', () => {
  const digest = digestOf('any');
  const other = (at: number) => {
    const digit = digest[at] === '0' ? '1' : '0';
    return digest.slice(0, at) + digit + digest.slice(at + 1);
  };
  const digests = [digest, ...Array.from(digest, (_, at) => other(at))];
  const entries = digests.map((sha256) => ({ sha256, tenant: 'a', scopes: ['push' as const] }));

  it('are told apart, wherever they differ', () => {
    const ring = new KeyRing(entries);
    for (const entry of entries) expect(ring.find(entry.sha256)).toBe(entry);
  });

  it('open nothing that only one of them opens', () => {
    const ring = new KeyRing(entries.slice(0, 1));
    const found = digests.filter((one) => ring.find(one) !== undefined);
    expect(found).toEqual([digest]);
    expect(ring.find(`${digest}0`)).toBeUndefined();
    expect(ring.find(digest.slice(0, -1))).toBeUndefined();
    expect(ring.find(digest.slice(0, 16))).toBeUndefined();
  });
});

describe('parseAuthorization', () => {
  const none = { secret: '', user: '' };
  it.each([
    [null, undefined],
    ['', none],
    ['Bearer k', { secret: 'k', user: '' }],
    ['bearer   k ', { secret: 'k', user: '' }],
    ['Bearer', none],
    ['Bearer a b', none],
    ['Bearer k, Bearer l', none],
    ['Digest k', none],
    [basicAuth('team', 'k').authorization, { secret: 'k', user: 'team' }],
    [basicAuth('', 'k:l').authorization, { secret: 'k:l', user: '' }],
    [`BASIC ${btoa(':k')}`, { secret: 'k', user: '' }],
    [`Basic ${btoa('no colon')}`, none],
    ['Basic ***', none],
    [`Bearer ${'k'.repeat(1_024)}`, none],
  ])('reads %j', (header, credentials) => {
    expect(parseAuthorization(header ?? null)).toEqual(credentials);
  });
});
