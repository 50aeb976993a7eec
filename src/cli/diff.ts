// `phlox diff`: what two times, or two selections, differ in: functions by how much more or less
// they do.
import { flamebearerJson } from '../api/flamebearer.ts';
import { profileTypeOf } from '../api/render-query.ts';
import { Failure } from '../errors.ts';
import type { FlameGraphDiff, StacktracesRequest } from '../query/contract.ts';
import { formatAmount, formatShare } from './amounts.ts';
import type { Command } from './command.ts';
import type { Arguments } from './flags.ts';
import { type FunctionSum, flameNodes, functionSums } from './flame-tree.ts';
import { nothingFound } from './query.ts';
import {
  countFlag,
  queryFlags,
  queryFlagsHelp,
  queryWords,
  selectOf,
  textFlag,
  timeFlag,
  typedQuery,
  wordsHelp,
} from './query-flags.ts';
import { type Asked, openPlace } from './query-place.ts';
import { type Column, headLine, rowLine } from './table.ts';
import { descending, sized } from './top.ts';

const help = `usage: phlox diff [QUERY] [PLACE] [--baseline QUERY] [--last SPAN]

Compares the profiles that QUERY selects with a baseline: the same query over
the time of equal length just before, unless the flags say otherwise. Prints
the functions whose total changed most.

  --baseline QUERY        other profiles, at the same time
  --baseline-from TIME    another time
  --baseline-until TIME
  -n N                    so many functions, 20 by default
  --format FORMAT         text, json (flamebearer), md (a report)
  --budget N              of md: about so many characters, 8000 by default
${queryFlagsHelp}

${wordsHelp}

exit code: 0, or 1 when nothing is found or it cannot be read
`;

const baselineFlags = ['--baseline', '--baseline-from', '--baseline-until'];
const formats = ['text', 'json', 'md'];
const maxNodes = 1_048_576;
const countDefault = 20;
const budgetDefault = 8_000;

export const diffCommand: Command = {
  help,
  switches: [],
  valued: [...queryFlags, ...baselineFlags, '-n', '--format', '--budget'],
  wordsMax: 2,
  async run(args, output) {
    const { flags } = args;
    const format = textFlag(flags, '--format') ?? 'text';
    if (!formats.includes(format)) {
      const known = `known are ${formats.join(' ')}`;
      throw new Failure('invalid', `--format is ${JSON.stringify(format)}, ${known}`);
    }
    const count = countFlag(flags, '-n', maxNodes) ?? countDefault;
    const budget = countFlag(flags, '--budget', maxNodes) ?? budgetDefault;
    const { query, place } = queryWords(args);
    const request = { ...selectOf(query, flags, Date.now()), maxNodes };
    const baseline = baselineOf(request, flags);
    const asked = await openPlace(place, flags);
    if (format === 'md') {
      const compared = { ...request, maxNodes: undefined, baseline, budget };
      await output.line((await asked.queries.report(asked.context, compared)).trimEnd());
      return 0;
    }
    return printDiff(
      asked,
      request,
      baseline,
      async (graph) => {
        const type = profileTypeOf(request.profileType);
        const lines =
          format === 'json'
            ? [flamebearerJson({ type, graph, timeline: null, groups: null })]
            : tableLines(graph, count, request.profileType);
        for (const line of lines) await output.line(line);
      },
      (line) => output.problem(line),
    );
  },
};

async function printDiff(
  { queries, context }: Asked,
  request: StacktracesRequest,
  baseline: StacktracesRequest,
  print: (graph: FlameGraphDiff) => Promise<void>,
  complain: (line: string) => Promise<void>,
): Promise<number> {
  const graph = await queries.diff(context, baseline, request);
  const empty = [
    ...(graph.leftTicks === 0n ? [baseline] : []),
    ...(graph.rightTicks === 0n ? [request] : []),
  ];
  for (const side of empty) await complain(nothingFound(side));
  if (empty.length === 2) return 1;
  await print(graph);
  return 0;
}

/** Other profiles at the same time, or the same at another: by default just before. */
function baselineOf(request: StacktracesRequest, flags: Arguments['flags']): StacktracesRequest {
  const query = textFlag(flags, '--baseline');
  const nowMs = Date.now();
  const from = timeFlag(flags, '--baseline-from', nowMs);
  const until = timeFlag(flags, '--baseline-until', nowMs);
  const { startMs, endMs } = request.range;
  const select = query === undefined ? request : typedQuery(query, request.profileType);
  if (select.profileType !== request.profileType) {
    const types = `${select.profileType} and ${request.profileType}`;
    throw new Failure('invalid', `baseline and query have different profile types, ${types}`);
  }
  if (from === undefined && until === undefined && query !== undefined) {
    return { ...request, ...select };
  }
  // Ends are inclusive: a profile at the border belongs to the later time.
  const end = until ?? (from === undefined ? startMs - 1 : from + (endMs - startMs));
  const start = from ?? end - (endMs - startMs);
  if (start > end) {
    throw new Failure('invalid', `--baseline-from ${start} ms is after --baseline-until ${end} ms`);
  }
  return { ...request, ...select, range: { startMs: start, endMs: end } };
}

function tableLines(graph: FlameGraphDiff, count: number, profileType: string): string[] {
  const amount = (value: bigint) => formatAmount(value, profileType);
  const { leftTicks, rightTicks } = graph;
  const columns: Column[] = [
    { title: 'change', isRight: true, width: 9 },
    { title: 'baseline', isRight: true, width: 8 },
    { title: '', isRight: true, width: 6 },
    { title: 'now', isRight: true, width: 8 },
    { title: '', isRight: true, width: 6 },
    { title: ' function', width: 1 },
  ];
  const rows = changes(graph)
    .slice(0, count)
    .map(({ name, totals: [before = 0n, after = 0n] }) => [
      signed(after - before, amount),
      amount(before),
      formatShare(before, leftTicks),
      amount(after),
      formatShare(after, rightTicks),
      ` ${name}`,
    ]);
  const whole = [signed(rightTicks - leftTicks, amount), amount(leftTicks), '', amount(rightTicks)];
  const all = [...rows, [...whole, '', ' all']];
  return [headLine(sized(columns, all)), ...all.map((row) => rowLine(sized(columns, all), row))];
}

/** The largest change first, whichever way; equals by name. */
function changes(graph: FlameGraphDiff): FunctionSum[] {
  const change = ({ totals: [before = 0n, after = 0n] }: FunctionSum) =>
    after > before ? after - before : before - after;
  return functionSums(flameNodes(graph))
    .filter((sum) => change(sum) > 0n)
    .sort((a, b) => descending(change(a), change(b)) || (a.name < b.name ? -1 : 1));
}

function signed(value: bigint, amount: (value: bigint) => string): string {
  return value > 0n ? `+${amount(value)}` : amount(value);
}
