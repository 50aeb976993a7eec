// Command-line flags: `--name value`, `--name=value`, and `--name` alone for what is on or off.
import { Failure } from '../errors.ts';
import { nearestName } from '../lib/nearest-name.ts';

export interface Arguments {
  /** By flag as typed, with its dashes. */
  flags: Record<string, string | boolean>;
  /** What is not a flag, in order. */
  words: string[];
}

/**
 * Splits arguments; `switches` are the flags that take no value. With `valued`, the flags that take
 * one, every other flag is refused here. What follows `--` is no flag. Throws `invalid`.
 */
export function parseArguments(
  args: readonly string[],
  switches: ReadonlySet<string>,
  valued?: readonly string[],
): Arguments {
  const flags: Record<string, string | boolean> = {};
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] as string;
    if (argument === '--') {
      words.push(...args.slice(i + 1));
      break;
    }
    if (!argument.startsWith('-') || argument === '-') {
      words.push(argument);
      continue;
    }
    const equals = argument.indexOf('=');
    const name = equals < 0 ? argument : argument.slice(0, equals);
    if (valued !== undefined && !switches.has(name) && !valued.includes(name)) {
      throw unknownFlag(name, [...switches, ...valued]);
    }
    if (Object.hasOwn(flags, name)) throw new Failure('invalid', `flag ${name} is given twice`);
    if (equals >= 0 && switches.has(name) && valued !== undefined) {
      throw new Failure('invalid', `flag ${name} takes no value`);
    }
    if (equals >= 0) flags[name] = argument.slice(equals + 1);
    else if (switches.has(name)) flags[name] = true;
    else {
      const value = args[++i];
      if (value === undefined) throw new Failure('invalid', `flag ${name} needs a value`);
      flags[name] = value;
    }
  }
  return { flags, words };
}

function unknownFlag(name: string, known: readonly string[]): Failure {
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `known are ${known.join(' ')}` : `did you mean ${nearest}?`;
  return new Failure('invalid', `unknown flag ${name}: ${hint}`);
}
