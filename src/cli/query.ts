// `phlox query`: the stacks that a query selects, as a tree of text, folded lines, a pprof, JSON, a
// report or a call graph.
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { flamebearerJson } from '../api/flamebearer.ts';
import { profileTypeOf } from '../api/render-query.ts';
import { Failure } from '../errors.ts';
import type { StacktracesRequest } from '../query/contract.ts';
import type { Command } from './command.ts';
import type { Arguments } from './flags.ts';
import { flameLines } from './flame-text.ts';
import type { Output } from './output.ts';
import {
  countFlag,
  queryFlags,
  queryFlagsHelp,
  queryWords,
  selectOf,
  textFlag,
  wordsHelp,
} from './query-flags.ts';
import { type Asked, openPlace } from './query-place.ts';

const help = `usage: phlox query [QUERY] [PLACE] [--format FORMAT] [--last SPAN]

Prints the stacks of the profiles that QUERY selects, all of them merged.

  --format FORMAT  text (an indented tree), folded, json (flamebearer), dot,
                   md (a report), pprof (needs --out)
  --out FILE       writes there; a pprof is gzip when FILE ends in .gz
  --lines N        of text: at most this many, 100 by default
  --max-nodes N    at most about this many; smaller ones become "other"
  --budget N       of md: about so many characters, 8000 by default
${queryFlagsHelp}

${wordsHelp}

exit code: 0, or 1 when nothing is found or it cannot be read
`;

const formats = ['text', 'folded', 'json', 'dot', 'md', 'pprof'] as const;
type Format = (typeof formats)[number];

const countMax = 1_048_576;
const linesDefault = 100;
const budgetDefault = 8_000;

export const queryCommand: Command = {
  help,
  switches: [],
  valued: [...queryFlags, '--format', '--out', '--lines', '--max-nodes', '--budget'],
  wordsMax: 2,
  async run(args, output) {
    const { flags } = args;
    const format = formatFlag(flags);
    const out = textFlag(flags, '--out');
    if (format === 'pprof' && out === undefined) {
      throw new Failure('invalid', 'format pprof needs --out FILE');
    }
    const { query, place } = queryWords(args);
    const maxNodes = countFlag(flags, '--max-nodes', countMax);
    const linesMax = countFlag(flags, '--lines', countMax) ?? linesDefault;
    const budget = countFlag(flags, '--budget', countMax) ?? budgetDefault;
    const request = { ...selectOf(query, flags, Date.now()), maxNodes };
    const asked = await openPlace(place, flags);
    const result = await answer(format, asked, request, { linesMax, budget });
    if (result === undefined) {
      await output.problem(nothingFound(request));
      return 1;
    }
    await write(result, out, output);
    return 0;
  },
};

/** The line for a query that selects nothing. */
export function nothingFound({ profileType, selector, range }: StacktracesRequest): string {
  const [from, until] = [range.startMs, range.endMs].map((ms) => new Date(ms).toISOString());
  return `phlox: no samples of ${profileType}${selector} from ${from} to ${until}`;
}

function formatFlag(flags: Arguments['flags']): Format {
  const text = textFlag(flags, '--format') ?? 'text';
  const format = formats.find((known) => known === text);
  if (format !== undefined) return format;
  throw new Failure(
    'invalid',
    `--format is ${JSON.stringify(text)}, known are ${formats.join(' ')}`,
  );
}

/** Lines without their last end, or the bytes of a pprof; undefined when nothing is found. */
async function answer(
  format: Format,
  { queries, context }: Asked,
  request: StacktracesRequest,
  { linesMax, budget }: { linesMax: number; budget: number },
): Promise<string | Uint8Array | undefined> {
  switch (format) {
    case 'folded':
      return unlessEmpty((await queries.folded(context, request)).trimEnd());
    case 'dot':
      return unlessEmpty((await queries.dot(context, request)).trimEnd());
    case 'md':
      return unlessEmpty((await queries.report(context, { ...request, budget })).trimEnd());
    case 'pprof':
      return queries.pprof(context, request);
    default: {
      const graph = await queries.flameGraph(context, request);
      if (graph.total === 0n) return undefined;
      if (format === 'json') {
        const type = profileTypeOf(request.profileType);
        return flamebearerJson({ type, graph, timeline: null, groups: null });
      }
      return [...flameLines(graph, request.profileType, linesMax)].join('\n');
    }
  }
}

function unlessEmpty(text: string): string | undefined {
  return text === '' ? undefined : text;
}

async function write(
  result: string | Uint8Array,
  out: string | undefined,
  output: Output,
): Promise<void> {
  if (out === undefined) {
    await output.line(String(result));
    return;
  }
  const bytes = typeof result === 'string' ? new TextEncoder().encode(`${result}\n`) : result;
  const isPacked = typeof result !== 'string' && out.endsWith('.gz');
  await writeFile(out, isPacked ? gzipSync(bytes) : bytes);
}
