// Arguments of the command line: what is a flag, what is a word, and what is refused.
import { describe, expect, it } from 'vitest';
import { type Command, runCommand } from '../../../src/cli/command.ts';
import { parseArguments } from '../../../src/cli/flags.ts';
import { linesOutput } from './lines.ts';

const switches = new Set(['--json']);
const valued = ['--config'];

describe('arguments', () => {
  it('are flags with a value behind them or joined, switches, and words', () => {
    const args = ['a', '--config', 'x.json', '--json', '--head=1', '-', '--', '--not-a-flag'];
    expect(parseArguments(args, switches)).toEqual({
      flags: { '--config': 'x.json', '--json': true, '--head': '1' },
      words: ['a', '-', '--not-a-flag'],
    });
  });

  it.each([
    [['--jsno'], 'unknown flag --jsno: did you mean --json?'],
    [['--x'], 'unknown flag --x: known are --json --config'],
    [['--json=yes'], 'flag --json takes no value'],
    [['--config'], 'flag --config needs a value'],
    [['--json', '--json'], 'flag --json is given twice'],
  ])('%j are refused', (args, message) => {
    expect(() => parseArguments(args, switches, valued)).toThrow(
      expect.objectContaining({ kind: 'invalid', message }),
    );
  });
});

describe('a command', () => {
  const command: Command = {
    help: 'usage: it\n',
    switches: ['--json'],
    valued: [],
    wordsMax: 1,
    run: async ({ words }, output) => {
      await output.line(words.join());
      return 7;
    },
  };

  it('gets its words and answers its exit code', async () => {
    const output = linesOutput();
    expect(await runCommand('it', command, ['a', '--json'], output)).toBe(7);
    expect(output.lines).toEqual(['a']);
  });

  it.each(['--help', '-h'])('prints its help on %s and does not run', async (flag) => {
    const output = linesOutput();
    expect(await runCommand('it', command, ['a', flag], output)).toBe(0);
    expect(output.lines).toEqual(['usage: it']);
  });

  it('refuses more words than it takes', async () => {
    await expect(runCommand('it', command, ['a', 'b'], linesOutput())).rejects.toMatchObject({
      kind: 'invalid',
      message: 'it takes at most 1 argument, got "b" too',
    });
  });
});
