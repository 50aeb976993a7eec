// What R2 threw, as a Failure. Owns the table of its codes, which stand at the end of a message.
// https://developers.cloudflare.com/r2/api/error-codes/
import { Failure, type FailureKind, messageOf } from '../errors.ts';

/** What no later call of the same kind could get past. All else is worth another try. */
const kindOfCode: Readonly<Record<number, FailureKind>> = {
  // Only `get` and `head` answer null for it.
  10007: 'missing',
  10020: 'invalid',
  100100: 'invalid',
  // Parts of a wrong size or number are our mistake.
  10011: 'internal',
  10025: 'internal',
  10048: 'internal',
};

/** A Failure that says what was being done; one that is a Failure already is answered as it is. */
export function r2Failure(error: unknown, doing: string): Failure {
  if (error instanceof Failure) return error;
  const kind = kindOfCode[codeOf(error) ?? 0] ?? 'unavailable';
  return new Failure(kind, `${doing}: ${messageOf(error)}`, { cause: error });
}

function codeOf(error: unknown): number | undefined {
  const match = /\((\d{5,6})\)$/.exec(messageOf(error));
  return match === null ? undefined : Number(match[1]);
}
