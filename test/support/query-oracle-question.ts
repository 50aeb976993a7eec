// What a question to an app of the oracle is, and what all of them share: clients, headers, and the
// rule that a sum past 2^63-1 is refused. Knows no call.
import { createClient } from '@connectrpc/connect';
import { expect } from 'vitest';
import { QuerierService } from '../../src/gen/querier/v1/querier_pb.ts';
import { transportTo } from './connect-client.ts';
import type { ModelSelect, QueryModel } from './query-model.ts';
import { answerOf, tooLarge } from './query-oracle-wire.ts';

export interface Asked {
  fetch: (request: Request) => Promise<Response>;
}

export interface Question {
  /** For messages. */
  text: string;
  tenants: readonly string[];
  /** What it is about, when that is stacks. */
  select?: ModelSelect;
  ask: (app: Asked) => Promise<unknown>;
  /** Throws when the model's answer is another one. */
  check: (answer: unknown, model: QueryModel) => void;
}

export const valueMax = 2n ** 63n - 1n;
export const nodesDefault = 8_192;

/** Headers of a call for the tenants. */
export const headersOf = (tenants: readonly string[]) => ({ 'x-scope-orgid': tenants.join('|') });

export const querierOf = (app: Asked, isBinary: boolean) =>
  createClient(QuerierService, transportTo(app, isBinary));

/** The model's answer, or that a sum is too large for any. */
export function summed(model: QueryModel, selects: readonly ModelSelect[], answer: () => unknown) {
  const values = selects
    .flatMap((select) => model.stacks(select))
    .map(({ values: [v] }) => v ?? 0n);
  return values.reduce((sum, value) => sum + value, 0n) > valueMax ? tooLarge : answer();
}

/** What most questions depend on. */
export interface Context {
  select: ModelSelect;
  tenants: readonly string[];
  isBinary: boolean;
  maxNodes: number | undefined;
}

export const nodesField = (maxNodes: number | undefined) =>
  maxNodes === undefined ? {} : { maxNodes: BigInt(maxNodes) };

/** A question whose answer is one of the model's, unless a sum is too large. */
export function question(
  name: string,
  context: Context,
  ask: Question['ask'],
  expected: (model: QueryModel) => unknown,
  selects: readonly ModelSelect[] = [context.select],
): Question {
  const { select, tenants, isBinary, maxNodes } = context;
  return {
    text: `${name} ${JSON.stringify({ isBinary, maxNodes, selects })}`,
    tenants,
    select,
    ask: (app) => answerOf(() => ask(app)),
    check: (answer, model) => expect(answer).toEqual(summed(model, selects, () => expected(model))),
  };
}
