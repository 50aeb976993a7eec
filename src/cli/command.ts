// What a verb of the `phlox` command is, and how one is run. Owns the flags that all verbs share.
import { Failure } from '../errors.ts';
import { type Arguments, parseArguments } from './flags.ts';
import type { Output } from './output.ts';

export interface Command {
  /** Printed by `--help`: lines of at most 80 characters, the last one ended. */
  help: string;
  /** Flags that take no value, besides `--help`. */
  switches: readonly string[];
  /** Flags that take one. */
  valued: readonly string[];
  /** Words it takes at most. */
  wordsMax: number;
  /** Resolves to the exit code: 0 when all is well, 1 when what it looked at is not. */
  run(args: Arguments, output: Output): Promise<number>;
}

/** Runs the command, or prints its help. Throws `invalid` for arguments it does not take. */
export async function runCommand(
  name: string,
  command: Command,
  args: readonly string[],
  output: Output,
): Promise<number> {
  const switches = new Set([...command.switches, '--help', '-h']);
  const parsed = parseArguments(args, switches, command.valued);
  if (parsed.flags['--help'] || parsed.flags['-h']) {
    await output.line(command.help.trimEnd());
    return 0;
  }
  const extra = parsed.words[command.wordsMax];
  if (extra !== undefined) {
    const limit = command.wordsMax === 0 ? 'no argument' : `at most ${command.wordsMax} argument`;
    throw new Failure('invalid', `${name} takes ${limit}, got ${JSON.stringify(extra)} too`);
  }
  return command.run(parsed, output);
}
