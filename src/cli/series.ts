// `phlox series`: which series there are, by the labels that are asked for. The place to look up
// what a query may name.
import { Failure } from '../errors.ts';
import { labelNames, labelValue, renderLabels } from '../model/labels.ts';
import type { Command } from './command.ts';
import { printable } from './output.ts';
import {
  hasRange,
  queryFlags,
  queryFlagsHelp,
  queryWords,
  rangeFlags,
  textFlag,
  wordsHelp,
} from './query-flags.ts';
import { openPlace } from './query-place.ts';
import { headLine, rowLine } from './table.ts';
import { sized } from './top.ts';

const help = `usage: phlox series [QUERY] [PLACE] [--by LABEL,…] [--labels] [--last SPAN]

Prints the distinct series that QUERY selects, of all times unless a flag
tells: their services and profile types, or the labels asked for.

  --by LABEL,…     these labels, a column each
  --labels         all labels, as a selector
  --json           one JSON object a line
${queryFlagsHelp}

${wordsHelp}

exit code: 0, or 1 when nothing is found or it cannot be read
`;

const namesMax = 16;

export const seriesCommand: Command = {
  help,
  switches: ['--labels', '--json'],
  valued: [...queryFlags, '--by'],
  wordsMax: 2,
  async run(args, output) {
    const { flags } = args;
    const names = namesFlag(flags['--by'], flags['--labels'] === true);
    const { query, place } = queryWords(args);
    const type = textFlag(flags, '--type');
    const matchers = [
      ...(query === undefined ? [] : [asMatcher(query)]),
      ...(type === undefined ? [] : [asMatcher(type)]),
    ];
    const range = hasRange(flags) ? rangeFlags(flags, Date.now()) : undefined;
    const { queries, context } = await openPlace(place, flags);
    const request = { matchers, any: false, range, labelNames: names };
    const found = await queries.series(context, request);
    if (found.length === 0) {
      await output.problem('phlox: no series');
      return 1;
    }
    if (flags['--json']) {
      for (const labels of found) {
        const entries = labels.map(({ name, value }) => [name, value] as const);
        await output.line(JSON.stringify(Object.fromEntries(entries)));
      }
    } else if (flags['--labels']) {
      for (const labels of found) await output.line(printable(renderLabels(labels)));
    } else {
      const rows = found.map((labels) => names.map((name) => labelValue(labels, name)));
      for (const line of tableLines(names, rows)) await output.line(line);
    }
    return 0;
  },
};

/** Empty stands for all. */
function namesFlag(by: string | boolean | undefined, isAll: boolean): string[] {
  if (typeof by !== 'string') return isAll ? [] : [labelNames.serviceName, labelNames.profileType];
  if (isAll) throw new Failure('invalid', '--by and --labels are two answers, one is possible');
  const names = by.split(',').map((name) => name.trim());
  if (names.includes('')) throw new Failure('invalid', `--by is ${JSON.stringify(by)}`);
  if (names.length > namesMax) {
    throw new Failure('invalid', `--by has ${names.length} labels, limit ${namesMax}`);
  }
  return names;
}

/** A profile type alone, or before a selector, becomes a matcher of its label. */
function asMatcher(query: string): string {
  const open = query.indexOf('{');
  const type = (open < 0 ? query : query.slice(0, open)).trim();
  const rest = open < 0 ? '}' : query.slice(open + 1).trimStart();
  if (type === '') return query;
  const matcher = `${labelNames.profileType}=${JSON.stringify(type)}`;
  return rest.startsWith('}') ? `{${matcher}}` : `{${matcher},${rest}`;
}

function tableLines(names: readonly string[], rows: readonly string[][]): string[] {
  const columns = names.map((title, i) => {
    const cells = [title, ...rows.map((row) => printable(row[i] ?? ''))];
    return { title, width: Math.max(...cells.map((cell) => [...cell].length)) };
  });
  const all = sized(columns, rows);
  return [headLine(all), ...rows.map((row) => rowLine(all, row))];
}
