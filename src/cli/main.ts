// The `phlox` command: picks the verb, prints errors in one line, sets the exit code. A verb's code
// is loaded when it is asked for.
import process from 'node:process';
import { environmentName, flagName, settingNames } from '../config/settings.ts';
import { isFailure, messageOf } from '../errors.ts';
import { nearestName } from '../lib/nearest-name.ts';
import { version } from '../version.ts';
import { type Command, runCommand } from './command.ts';
import { parseArguments } from './flags.ts';
import { type Output, printable, processOutput } from './output.ts';
import { serveCommand } from './serve.ts';

const serveSwitches = new Set(['--help', '-h', '--version', '--multitenancy', '--insecure']);

const commands: Readonly<Record<string, { summary: string; load: () => Promise<Command> }>> = {
  query: {
    summary: 'stacks, as text, pprof, folded, json or a report',
    load: async () => (await import('./query.ts')).queryCommand,
  },
  top: {
    summary: 'the functions that take most',
    load: async () => (await import('./top.ts')).topCommand,
  },
  diff: {
    summary: 'what changed between two times or two selections',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  series: {
    summary: 'which services, profile types and labels there are',
    load: async () => (await import('./series.ts')).seriesCommand,
  },
  inspect: {
    summary: 'what is stored in a data folder or a bucket',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  verify: {
    summary: 'read every block and find the damaged ones',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  wal: {
    summary: 'what is in the log, and whether it is damaged',
    load: async () => (await import('./wal.ts')).walCommand,
  },
  keys: {
    summary: 'make, list and revoke the keys of clients',
    load: async () => (await import('./keys.ts')).keysCommand,
  },
  'check-bucket': {
    summary: 'try all that phlox asks of a bucket',
    load: async () => (await import('./check-bucket.ts')).checkBucketCommand,
  },
};
const verbs = ['serve', ...Object.keys(commands), 'help', 'version'];

const usage = `phlox ${version}: continuous profiles in, plain Parquet out

usage: phlox [serve] [--config FILE] [--SETTING VALUE]...
       phlox COMMAND [ARGUMENT] [--help]

commands:
${[['serve', 'take profiles, until a signal'], ...summaries()]
  .map(([name, summary]) => `  ${name?.padEnd(14)} ${summary}`)
  .join('\n')}

settings, as flags of serve or in the environment:
${settingNames.map((name) => `  ${flagName(name).padEnd(26)} ${environmentName(name)}`).join('\n')}
`;

function summaries(): string[][] {
  return Object.entries(commands).map(([name, { summary }]) => [name, summary]);
}

async function main(args: readonly string[], output: Output): Promise<number> {
  const [first = 'serve'] = args;
  // Flags alone are those of `serve`, and so are the ones before its name.
  if (first === 'serve' || first.startsWith('-')) return serveOrHelp(args, output);
  const rest = args.slice(1);
  if (first === 'version') {
    await output.line(version);
    return 0;
  }
  const [name = '', given] = first === 'help' ? [rest[0], ['--help']] : [first, rest];
  if (name === '' || name === 'serve') return serveOrHelp(['--help'], output);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return runCommand(name, await command.load(), given, output);
  const nearest = nearestName(name, verbs);
  const hint = nearest === undefined ? `known are ${verbs.join(' ')}` : `did you mean ${nearest}?`;
  await output.problem(`phlox: unknown command ${printable(JSON.stringify(name))}: ${hint}`);
  return 2;
}

async function serveOrHelp(args: readonly string[], output: Output): Promise<number> {
  const { flags, words } = parseArguments(args, serveSwitches);
  if (flags['--help'] || flags['-h']) {
    await output.line(usage.trimEnd());
    return 0;
  }
  if (flags['--version']) {
    await output.line(version);
    return 0;
  }
  const rest = words[0] === 'serve' ? words.slice(1) : words;
  return serveCommand({ flags, words: rest });
}

const output = processOutput();
try {
  process.exitCode = await main(process.argv.slice(2), output);
} catch (error) {
  await output.problem(`phlox: ${printable(messageOf(error))}`);
  // A mistake of the caller is 2, as shells have it; anything else is ours.
  process.exitCode = isFailure(error, 'invalid') ? 2 : 1;
}
// Idle keep-alive connections of clients and buckets must not hold a finished process.
process.exit();
