// The `phlox` command: picks the verb, prints errors in one line, sets the exit code.
import process from 'node:process';
import { environmentName, flagName, settingNames } from '../config/settings.ts';
import { isFailure, messageOf } from '../errors.ts';
import { version } from '../version.ts';
import { parseArguments } from './flags.ts';
import { serveCommand } from './serve.ts';

const switches = new Set(['--help', '-h', '--version', '--multitenancy', '--insecure']);

const usage = `phlox ${version}: continuous profiles in, plain Parquet out

usage: phlox [serve] [--config FILE] [--SETTING VALUE]...

settings, as flags or in the environment:
${settingNames.map((name) => `  ${flagName(name).padEnd(18)} ${environmentName(name)}`).join('\n')}
`;

async function main(args: readonly string[]): Promise<number> {
  const { flags, words } = parseArguments(args, switches);
  if (flags['--help'] || flags['-h']) {
    process.stdout.write(usage);
    return 0;
  }
  if (flags['--version']) {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  const [verb = 'serve', ...rest] = words;
  if (verb === 'serve') return serveCommand({ flags, words: rest });
  process.stderr.write(`phlox: unknown command ${verb}, known is serve\n`);
  return 2;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`phlox: ${messageOf(error)}\n`);
  // A mistake of the caller is 2, as shells have it; anything else is ours.
  process.exitCode = isFailure(error, 'invalid') ? 2 : 1;
}
// Idle keep-alive connections of clients and buckets must not hold a finished process.
process.exit();
