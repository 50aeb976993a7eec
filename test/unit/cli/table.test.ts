// Tables, wrapped text and short numbers: what fits a terminal.
import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatMinute,
  formatSpan,
  plural,
} from '../../../src/cli/format.ts';
import { printable } from '../../../src/cli/output.ts';
import { cut, headLine, rowLine, wrap } from '../../../src/cli/table.ts';

describe('tables', () => {
  const columns = [
    { title: 'name', width: 6 },
    { title: 'count', width: 5, isRight: true },
  ];

  it('pad, align and cut their cells', () => {
    expect(headLine(columns)).toBe('name   count');
    expect(rowLine(columns, ['a', '12'])).toBe('a         12');
    expect(rowLine(columns, ['seventy', '123456'])).toBe('seven… 1234…');
    expect(rowLine(columns, ['émile\u0007'])).toBe('émile…');
  });

  it('wrap words at the width and break what is longer', () => {
    expect(wrap('aa bb cc', 5)).toEqual(['aa bb', 'cc']);
    expect(wrap('a bbbbbbbbbbbb c', 5)).toEqual(['a', 'bbbbb', 'bbbbb', 'bb c']);
    expect(wrap('', 5)).toEqual(['']);
    expect(wrap('one\nline', 20)).toEqual(['one\\x0aline']);
  });

  it('count characters, not units of UTF-16', () => {
    expect(cut('🙂🙂🙂', 3)).toBe('🙂🙂🙂');
    expect(cut('🙂🙂🙂', 2)).toBe('🙂…');
  });

  it('show control characters as escapes', () => {
    expect(printable('a\u001b[2J\r\n\u202eb\u009b\ttab')).toBe(
      'a\\x1b[2J\\x0d\\x0a\\u{202e}b\\x9b\\x09tab',
    );
  });
});

describe('numbers', () => {
  it.each([
    [0, '0B'],
    [9_999, '9999B'],
    [10_000, '9.8KiB'],
    [1_023.9 * 1_024, '1.0MiB'],
    [99.94 * 2 ** 20, '99.9MiB'],
    [99.96 * 2 ** 20, '100MiB'],
    [1_023 * 2 ** 30, '1023GiB'],
    [2 ** 60, '1024PiB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0, '0'],
    [99_999, '99999'],
    [100_000, '100k'],
    [999_999, '1.0M'],
    [12_345_678, '12.3M'],
  ])('%d is %s', (count, text) => expect(formatCount(count)).toBe(text));

  it.each([
    [0, '0.0s'],
    [1_500, '1.5s'],
    [90_000, '90s'],
    [3_600_000, '60m'],
    [36 * 3_600_000, '36h'],
    [48 * 3_600_000, '2d'],
  ])('%d ms are %s', (ms, text) => expect(formatSpan(ms)).toBe(text));

  it('times are minutes in UTC, and impossible ones a question mark', () => {
    expect(formatMinute(1_700_000_000_000)).toBe('2023-11-14 22:13');
    expect(formatMinute(8.64e15 + 1)).toBe('?');
  });

  it('nouns agree', () => {
    expect([plural(0, 'block'), plural(1, 'block'), plural(2, 'block')]).toEqual([
      '0 blocks',
      '1 block',
      '2 blocks',
    ]);
  });
});
