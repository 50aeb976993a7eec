// XXH3-128 and the content key, against hash-wasm.
import { xxhash128 } from 'hash-wasm';
import { describe, expect, it } from 'vitest';
import { contentKey, hash128, prefixBytesMax } from '../../src/kernel/content-key.ts';
import { encodeProfile, randomOf, randomProfiles } from './seal-profiles.ts';
import { kernelOf } from './seal-setup.ts';

const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const random = randomOf(1234);
const randomBytes = (length: number) => Uint8Array.from({ length }, () => random(256));

describe('hash128', () => {
  it('equals XXH3-128 with seed 0 for every length to 1100', async () => {
    const kernel = kernelOf(1);
    const bytes = randomBytes(1100);
    for (let length = 0; length <= bytes.length; length++) {
      const part = bytes.subarray(0, length);
      expect(hex(hash128(kernel, part)), `length ${length}`).toBe(await xxhash128(part));
    }
  });

  it('equals it for long inputs, around the ends of blocks and stripes', async () => {
    const kernel = kernelOf(1);
    const edges = [2, 3, 8, 100].flatMap((blocks) =>
      [-65, -1, 0, 1, 64].map((d) => blocks * 1024 + d),
    );
    for (const length of [...edges, ...Array.from({ length: 10 }, () => random(300_000))]) {
      const bytes = randomBytes(length);
      expect(hex(hash128(kernel, bytes)), `length ${length}`).toBe(await xxhash128(bytes));
    }
  });

  it('gives its buffer back', () => {
    const kernel = kernelOf(1);
    const bytes = randomBytes(1 << 20);
    const first = hash128(kernel, bytes);
    const { bytesReserved } = kernel.stats();
    for (let i = 0; i < 50; i++) expect(hash128(kernel, bytes)).toEqual(first);
    expect(kernel.stats().bytesReserved).toBe(bytesReserved);
  });

  it('answers unavailable for more bytes than there is room', () => {
    const kernel = kernelOf(1, 1 << 20);
    expect(() => hash128(kernel, new Uint8Array(2 << 20))).toThrow('memory');
  });
});

describe('content key', () => {
  const profiles = randomProfiles(randomOf(3), 4, 1n << 30n).map(encodeProfile);
  const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

  it('hashes the prefix and the scanned bytes as one run, and leaves the scan', async () => {
    const kernel = kernelOf(1);
    for (const profile of profiles) {
      for (const prefixBytes of [0, 1, 17, 300, prefixBytesMax]) {
        const prefix = randomBytes(prefixBytes);
        const facts = kernel.scan(profile);
        expect(hex(contentKey(kernel, prefix))).toBe(await xxhash128(joined(prefix, profile)));
        const cells = facts.groups.length * facts.sampleTypes.length;
        kernel.append({
          timeNs: 1n,
          uuid: new Uint8Array(16),
          groupTargets: Uint32Array.from(facts.groups.keys()),
          series: new Uint32Array(cells),
        });
      }
    }
    expect(kernel.stats().rows).toBeGreaterThan(0);
  });

  it('counts a longer prefix by its hash', async () => {
    const kernel = kernelOf(1);
    const prefix = randomBytes(prefixBytesMax + 1);
    const [profile] = profiles as [Uint8Array];
    kernel.scan(profile);
    const hashed = hash128(kernel, prefix);
    expect(hex(contentKey(kernel, prefix))).toBe(await xxhash128(joined(hashed, profile)));
  });

  it('needs a scanned profile', () => {
    expect(() => contentKey(kernelOf(1), new Uint8Array(3))).toThrow('without a scanned profile');
  });
});
