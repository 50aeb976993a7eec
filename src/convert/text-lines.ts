// Lines of a text body. Owns their length bound: a line that was cut would be another stack.
import { Failure } from '../errors.ts';
import { Pace, type Steps } from '../lib/steps.ts';

/** Pyroscope's bound, which it measures in bytes. */
const lineCharsMax = 64 * 1024;
const lineUnits = 64;
/** In the longest stacks every second one begins a name. */
const unitsOfCharacter = 4;

/**
 * Calls `read` with every line that is not empty, without its line break, and its number from 1.
 * Bytes that are not UTF-8 become U+FFFD. Throws `invalid` for a line over the bound.
 */
export function* forEachLine(
  bytes: Uint8Array,
  read: (line: string, number: number) => void,
): Steps<void> {
  const pace = new Pace();
  const text = new TextDecoder().decode(bytes);
  let number = 0;
  for (let at = 0; at < text.length; ) {
    const found = text.indexOf('\n', at);
    const end = found === -1 ? text.length : found;
    number += 1;
    if (end - at > lineCharsMax) {
      const message = `line ${number} has ${end - at} characters, limit ${lineCharsMax}`;
      throw new Failure('invalid', message, { reason: 'malformed_profile' });
    }
    const isCrLf = end > at && text.charCodeAt(end - 1) === 13;
    const line = text.slice(at, isCrLf ? end - 1 : end);
    if (line !== '') read(line, number);
    // Each of its names is looked up.
    if (pace.spend(lineUnits + unitsOfCharacter * line.length)) yield;
    at = end + 1;
  }
}
