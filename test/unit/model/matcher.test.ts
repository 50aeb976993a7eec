// Selectors: the grammar and what a matcher means.
import { describe, expect, it } from 'vitest';
import { parseSelector, selectorMatches } from '../../../src/model/matcher.ts';

const series = [
  { name: '__name__', value: 'process_cpu' },
  { name: 'env', value: 'prod\neu' },
  { name: 'k8s.pod', value: 'a-1' },
  { name: 'service_name', value: 'checkout' },
];

describe('parseSelector', () => {
  it.each([
    ['', true],
    ['{}', true],
    ['{service_name="checkout",}', true],
    ["{service_name='checkout' , }", true],
    ['{service_name=`checkout`}', true],
    ['process_cpu', true],
    ['memory{service_name="checkout"}', false],
    ['process_cpu{service_name!="cart"}', true],
    ['{"k8s.pod"="a-1"}', true],
    ['{"process_cpu", service_name="checkout"}', true],
    ['{service_name=~"check|cart"}', false],
    ['{service_name=~"check.*"}', true],
    ['{service_name=~"heck"}', false],
    ['{env=~"prod.eu"}', true],
    ['{service_name!~"c.+"}', false],
    ['{missing=""}', true],
    ['{missing!=""}', false],
    ['{missing=~".*"}', true],
    ['{missing=~".+"}', false],
    ['{service_name="check\\x6fut"}', true],
    ['{service_name="check\\u006fut"}', true],
    ['{service_name=`check\\x6fut`}', false],
  ])('%s matches: %j', (text, isMatch) => {
    expect(selectorMatches(parseSelector(text), series)).toBe(isMatch);
  });

  it.each([
    ['{', 'bad selector at character 2: expected a label name, found the end'],
    ['{a}', 'bad selector at character 3: expected one of = != =~ !~, found "}"'],
    ['{a=b}', 'expected a quoted value, found "b"'],
    ['{a="b" c="d"}', 'expected "," or "}", found "c"'],
    ['{a="b"', 'expected "," or "}", found the end'],
    ['{a="b"} x', 'expected the end, found "x"'],
    ['{a="b', 'selector has an unterminated string at character 4'],
    ['{a="\\q"}', 'expected an escape sequence'],
    ['{1a="b"}', 'expected a label name, found "1"'],
    ['{a=~"("}', 'bad regular expression "("'],
    ['{a=~"(?<=x)y"}', 'bad regular expression'],
  ])('refuses %s', (text, message) => {
    expect(() => parseSelector(text)).toThrow(message);
  });

  it('refuses what is too long or has too many matchers', () => {
    expect(() => parseSelector('x'.repeat(65_537))).toThrow('65537 characters, limit 65536');
    const many = Array.from({ length: 101 }, (_, i) => `a${i}="b"`).join(',');
    expect(() => parseSelector(`{${many}}`)).toThrow('more than 100 matchers');
  });

  it('takes linear time for a pattern that backtracking engines hang on', () => {
    const [matcher] = parseSelector('{a=~"(a+)+b"}');
    expect(matcher?.matches('a'.repeat(5_000))).toBe(false);
  });
});
