// A part of a budget whose user may end without giving back.
import { expect, it } from 'vitest';
import { BudgetShare } from '../../../src/lib/budget-share.ts';
import { createByteBudget } from '../../../src/lib/byte-budget.ts';

it('counts what all users hold, and gives back what one held that has ended', () => {
  const budget = createByteBudget(100, 'body');
  const [one, other] = [new BudgetShare(budget), new BudgetShare(budget)];
  const [first, second] = [one.lease('a'), one.lease('b')];
  first.take(40);
  second.take(40);
  second.release();
  second.take(30);
  const third = other.lease('c');
  third.take(20);
  expect(() => third.take(20)).toThrow('hold 90 body bytes and ask for 20 more, limit 100');
  one.abandon();
  third.take(80);
  expect(() => other.lease('d').take(1)).toThrow('hold 100 body bytes');
  third.release();
  expect(() => one.lease('a').take(100)).not.toThrow();
});
