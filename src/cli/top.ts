// `phlox top`: the functions that a query's samples are in, by what they do themselves or with all
// that they call.
import { Failure } from '../errors.ts';
import type { FlameGraph } from '../query/contract.ts';
import { formatAmount, formatShare } from './amounts.ts';
import type { Command } from './command.ts';
import { type FunctionSum, flameNodes, functionSums } from './flame-tree.ts';
import { nothingFound } from './query.ts';
import {
  countFlag,
  queryFlags,
  queryFlagsHelp,
  queryWords,
  selectOf,
  textFlag,
  wordsHelp,
} from './query-flags.ts';
import { openPlace } from './query-place.ts';
import { type Column, headLine, rowLine } from './table.ts';

const help = `usage: phlox top [QUERY] [PLACE] [--by self|total] [-n N] [--last SPAN]

Prints the functions of the stacks that QUERY selects: what each does itself
(self), and with all that it calls (total).

  --by ORDER       self or total; self by default
  -n N             so many functions, 20 by default
  --json           one JSON object a line, exact numbers as strings
${queryFlagsHelp}

${wordsHelp}

exit code: 0, or 1 when nothing is found or it cannot be read
`;

/** All that a server gives; what is beyond it is in "other". */
const maxNodes = 1_048_576;
const countDefault = 20;

export const topCommand: Command = {
  help,
  switches: ['--json'],
  valued: [...queryFlags, '--by', '-n'],
  wordsMax: 2,
  async run(args, output) {
    const { flags } = args;
    const order = textFlag(flags, '--by') ?? 'self';
    if (order !== 'self' && order !== 'total') {
      throw new Failure('invalid', `--by is ${JSON.stringify(order)}, known are self total`);
    }
    const count = countFlag(flags, '-n', maxNodes) ?? countDefault;
    const { query, place } = queryWords(args);
    const request = { ...selectOf(query, flags, Date.now()), maxNodes };
    const { queries, context } = await openPlace(place, flags);
    const graph = await queries.flameGraph(context, request);
    if (graph.total === 0n) {
      await output.problem(nothingFound(request));
      return 1;
    }
    const top = topFunctions(graph, order).slice(0, count);
    const lines = flags['--json']
      ? top.map(jsonLine)
      : tableLines(top, graph.total, request.profileType);
    for (const line of lines) await output.line(line);
    return 0;
  },
};

/** Most first; equals by the other number, then by name. */
export function topFunctions(graph: FlameGraph, order: 'self' | 'total'): FunctionSum[] {
  const self = ({ selfs: [value = 0n] }: FunctionSum) => value;
  const total = ({ totals: [value = 0n] }: FunctionSum) => value;
  const [first, second] = order === 'self' ? [self, total] : [total, self];
  return functionSums(flameNodes(graph)).sort(
    (a, b) => descending(first(a), first(b)) || descending(second(a), second(b)) || byName(a, b),
  );
}

/** Negative when `a` is the larger. */
export function descending(a: bigint, b: bigint): number {
  return a === b ? 0 : a > b ? -1 : 1;
}

function byName(a: FunctionSum, b: FunctionSum): number {
  return a.name < b.name ? -1 : 1;
}

function jsonLine({ name, selfs, totals }: FunctionSum): string {
  return JSON.stringify({ function: name, self: String(selfs[0]), total: String(totals[0]) });
}

function tableLines(top: readonly FunctionSum[], whole: bigint, profileType: string): string[] {
  const columns: Column[] = [
    { title: 'self', isRight: true, width: 8 },
    { title: '', isRight: true, width: 6 },
    { title: 'total', isRight: true, width: 8 },
    { title: '', isRight: true, width: 6 },
    // A name that is cut cannot be searched for: these lines may be long.
    { title: ' function', width: Number.MAX_SAFE_INTEGER },
  ];
  const rows = top.map(({ name, selfs: [self = 0n], totals: [total = 0n] }) => [
    formatAmount(self, profileType),
    formatShare(self, whole),
    formatAmount(total, profileType),
    formatShare(total, whole),
    ` ${name}`,
  ]);
  return [headLine(sized(columns, rows)), ...rows.map((row) => rowLine(sized(columns, rows), row))];
}

/** The last column as wide as its widest cell. */
export function sized(columns: readonly Column[], rows: readonly string[][]): Column[] {
  return columns.map((column, i) => {
    if (i < columns.length - 1) return column;
    const lengths = rows.map((row) => [...(row[i] ?? '')].length);
    // Control characters become escapes of up to ten characters when they are printed.
    return { ...column, width: 10 * Math.max([...column.title].length, ...lengths, 1) };
  });
}
