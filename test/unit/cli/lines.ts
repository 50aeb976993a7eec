// What a command prints, kept as lines.
import { expect } from 'vitest';
import { type Command, runCommand } from '../../../src/cli/command.ts';
import type { Output } from '../../../src/cli/output.ts';
import { messageOf } from '../../../src/errors.ts';

export interface Lines extends Output {
  lines: string[];
  problems: string[];
}

export function linesOutput(): Lines {
  const lines: string[] = [];
  const problems: string[] = [];
  return {
    lines,
    problems,
    line: async (text) => void lines.push(text),
    problem: async (text) => void problems.push(text),
  };
}

/** Every line fits a terminal and steers none. */
export function expectPlain(lines: readonly string[], charsMax = 80): void {
  const odd = lines.filter((line) => [...line].length > charsMax || /\p{Cc}|\s$/u.test(line));
  expect(odd).toEqual([]);
}

/** The exit code and lines of a command; what it throws is its only line and 1. */
export async function run(command: Command, ...args: string[]) {
  const output = linesOutput();
  try {
    const code = await runCommand('it', command, args, output);
    return { code, lines: output.lines };
  } catch (error) {
    return { code: 1, lines: [messageOf(error)] };
  }
}
