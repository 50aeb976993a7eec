// PromQL selectors: `name{a="b", c!="d", e=~"re", f!~"re",}` with quoted UTF-8 names. Owns the
// grammar (https://prometheus.io/docs/prometheus/latest/querying/basics/) and the meaning of a
// matcher. Regular expressions are RE2, fully anchored, and run in linear time.
import { RE2JS } from 're2js';
import { Failure, messageOf } from '../errors.ts';
import { type Labels, labelNames, labelValue } from './labels.ts';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface Matcher {
  name: string;
  operator: MatchOperator;
  value: string;
  /** True when a series whose label has this value is meant; absent is the empty string. */
  matches(value: string): boolean;
}

/** All must match. */
export type Selector = readonly Matcher[];

const selectorCharsMax = 64 * 1024;
const matchersMax = 100;

/** Parses one selector; `{}` and the empty string select everything. Throws `invalid`. */
export function parseSelector(text: string): Selector {
  if (text.length > selectorCharsMax) {
    throw new Failure(
      'invalid',
      `selector is ${text.length} characters, limit ${selectorCharsMax}`,
    );
  }
  return new SelectorParser(text).parse();
}

/** True when every matcher of the selector matches the label set. */
export function selectorMatches(selector: Selector, labels: Labels): boolean {
  return selector.every((matcher) => matcher.matches(labelValue(labels, matcher.name)));
}

/** A matcher with its test compiled. Throws `invalid` for a bad regular expression. */
export function createMatcher(name: string, operator: MatchOperator, value: string): Matcher {
  switch (operator) {
    case '=':
      return { name, operator, value, matches: (candidate) => candidate === value };
    case '!=':
      return { name, operator, value, matches: (candidate) => candidate !== value };
    default: {
      const pattern = compile(value);
      const isPositive = operator === '=~';
      const matches = (candidate: string) => pattern.matches(candidate) === isPositive;
      return { name, operator, value, matches };
    }
  }
}

function compile(source: string): RE2JS {
  try {
    // Prometheus lets the dot match newlines; `matches` anchors at both ends.
    return RE2JS.compile(source, RE2JS.DOTALL);
  } catch (error) {
    throw new Failure(
      'invalid',
      `bad regular expression ${JSON.stringify(source)}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

const nameStart = /[a-zA-Z_]/;
const namePart = /[a-zA-Z0-9_]/;
const metricPart = /[a-zA-Z0-9_:]/;
const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

class SelectorParser {
  readonly #text: string;
  readonly #matchers: Matcher[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Selector {
    this.#skipSpace();
    if (this.#at === this.#text.length) return [];
    if (this.#peek() !== '{') this.#add(labelNames.name, '=', this.#word(metricPart));
    this.#skipSpace();
    if (this.#peek() === '{') {
      this.#at++;
      this.#matchersInBraces();
    }
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected('the end');
    return this.#matchers;
  }

  #matchersInBraces(): void {
    for (;;) {
      this.#skipSpace();
      if (this.#peek() === '}') break;
      this.#matcher();
      this.#skipSpace();
      if (this.#peek() === ',') this.#at++;
      else if (this.#peek() !== '}') throw this.#unexpected('"," or "}"');
    }
    this.#at++;
  }

  #matcher(): void {
    const isQuoted = this.#isQuote();
    const name = isQuoted ? this.#quoted() : this.#word(namePart);
    this.#skipSpace();
    // A quoted name alone is the metric name: `{"process_cpu", service_name="x"}`.
    if (isQuoted && (this.#peek() === ',' || this.#peek() === '}')) {
      this.#add(labelNames.name, '=', name);
      return;
    }
    const operator = this.#operator();
    this.#skipSpace();
    if (!this.#isQuote()) throw this.#unexpected('a quoted value');
    this.#add(name, operator, this.#quoted());
  }

  #add(name: string, operator: MatchOperator, value: string): void {
    if (this.#matchers.length === matchersMax) {
      throw new Failure('invalid', `selector has more than ${matchersMax} matchers`);
    }
    this.#matchers.push(createMatcher(name, operator, value));
  }

  #operator(): MatchOperator {
    for (const operator of ['=~', '!~', '!=', '='] as const) {
      if (this.#text.startsWith(operator, this.#at)) {
        this.#at += operator.length;
        return operator;
      }
    }
    throw this.#unexpected('one of = != =~ !~');
  }

  #word(part: RegExp): string {
    const from = this.#at;
    if (!nameStart.test(this.#peek())) throw this.#unexpected('a label name');
    while (this.#at < this.#text.length && part.test(this.#peek())) this.#at++;
    return this.#text.slice(from, this.#at);
  }

  #quoted(): string {
    const quote = this.#peek();
    const from = this.#at++;
    let value = '';
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at++] as string;
      if (char === quote) return value;
      value += char === '\\' && quote !== '`' ? this.#escape() : char;
    }
    throw new Failure('invalid', `selector has an unterminated string at character ${from + 1}`);
  }

  #escape(): string {
    const char = this.#peek();
    const plain = escapes[char];
    if (plain !== undefined) {
      this.#at++;
      return plain;
    }
    const match = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(
      this.#text.slice(this.#at, this.#at + 9),
    );
    const code = Number.parseInt(match?.[1] ?? match?.[2] ?? match?.[3] ?? '', 16);
    if (match === null || code > 0x10ffff) throw this.#unexpected('an escape sequence');
    this.#at += match[0].length;
    return String.fromCodePoint(code);
  }

  #isQuote(): boolean {
    return ['"', "'", '`'].includes(this.#peek());
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #skipSpace(): void {
    while (/\s/.test(this.#peek())) this.#at++;
  }

  #unexpected(wanted: string): Failure {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#peek()) : 'the end';
    return new Failure(
      'invalid',
      `bad selector at character ${this.#at + 1}: expected ${wanted}, found ${found}`,
    );
  }
}
