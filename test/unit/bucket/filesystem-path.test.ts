// Names on disk: every key has one path, every path at most one key.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathOfKey, pieceOfName, segmentOfPieces } from '../../../src/bucket/filesystem-path.ts';
import { isKey } from '../../../src/bucket/keys.ts';
import { percentDecode, percentEncode } from '../../../src/lib/percent-encode.ts';

/** Reads a path back, as the walk over folders does. */
function keyOfPath(path: string): string | undefined {
  const segments: string[] = [];
  let pieces: string[] = [];
  for (const name of path.split('/')) {
    const piece = pieceOfName(name, pieces.length === 0);
    if (piece === undefined) return undefined;
    pieces.push(piece.text);
    if (piece.isContinued) continue;
    const segment = segmentOfPieces(pieces);
    if (segment === undefined) return undefined;
    segments.push(segment);
    pieces = [];
  }
  return pieces.length === 0 ? segments.join('/') : undefined;
}

const anyKey = fc
  .array(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 250 })), {
    minLength: 1,
    maxLength: 4,
  })
  .map((segments) => segments.join('/'))
  .filter(isKey);

describe('path of a key', () => {
  it('leads back to the key, in names that any file system takes', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const path = pathOfKey(key);
        expect(keyOfPath(path)).toBe(key);
        for (const name of path.split('/')) {
          expect(name).toMatch(/^[a-z0-9\-_%~A-F][a-z0-9\-_.%~A-F]*$/);
          expect(name.length).toBeLessThanOrEqual(202);
        }
      }),
    );
  });

  it('is read back only in the one form that is written', () => {
    const foreign = ['A', '%61', '%c3%b6', '%C3', '%', '%4', '.a', 'a~', '~a', '~', 'a~/b', 'ö'];
    for (const path of [...foreign, `${'a'.repeat(100)}~/~${'a'.repeat(100)}`]) {
      expect([path, keyOfPath(path)]).toEqual([path, undefined]);
    }
    const two = `${'a'.repeat(200)}~/~b`;
    expect(keyOfPath(two)).toBe(`${'a'.repeat(200)}b`);
  });
});

describe('percent encoding', () => {
  it('leaves lower case, digits and -_. alone and encodes everything else', () => {
    expect(percentEncode('az09-_.')).toBe('az09-_.');
    expect(percentEncode('.a.')).toBe('%2Ea.');
    expect(percentEncode('Aö/~%')).toBe('%41%C3%B6%2F%7E%25');
    expect(percentEncode('\uFEFFx')).toBe('%EF%BB%BFx');
  });

  it('decodes what it encoded, and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(percentDecode(percentEncode(name))).toBe(name);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const name = percentDecode(text);
        if (name !== undefined) expect(percentEncode(name)).toBe(text);
      }),
    );
  });
});
