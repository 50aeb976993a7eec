// Queries of a head in another object, and what it answers: selectors cross as text and are
// compiled again. Owns the bound of one answer.
import { Failure } from '../errors.ts';
import { arraysIn } from '../lib/free-bytes.ts';
import { createMatcher, type MatchOperator, type Selector } from '../model/matcher.ts';

/** Workers carry 32 MiB in one call. */
const answerBytesMax = 30 * 2 ** 20;

/** The query without its compiled matchers. */
export function plainQuery<Query extends { selector: Selector }>({ selector, ...rest }: Query) {
  const matchers = selector.map(({ name, operator, value }) => ({ name, operator, value }));
  return { ...rest, matchers };
}

/** The other way. */
export function compiledQuery<
  Query extends { matchers: readonly { name: string; operator: string; value: string }[] },
>({ matchers, ...rest }: Query) {
  const selector: Selector = matchers.map(({ name, operator, value }) =>
    createMatcher(name, operator as MatchOperator, value),
  );
  return { ...rest, selector };
}

/** The answer, unless it is too large to be carried: then throws `limit`. */
export function boundedAnswer<T>(answer: T, what: string): T {
  let bytes = 0;
  for (const { byteLength } of arraysIn(answer)) bytes += byteLength;
  if (bytes <= answerBytesMax) return answer;
  const message = `${what} answers ${bytes} bytes, limit ${answerBytesMax}: ask for less at a time`;
  throw new Failure('limit', message, { reason: 'query_limit' });
}
