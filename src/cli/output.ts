// Where a command writes: results to standard output, problems to standard error, one line each.
// Owns what a terminal may be shown: names and error texts come from outside and could steer it.
import process from 'node:process';

export interface Output {
  /** A line of the result; resolves once it is handed over, so that a slow reader slows us. */
  line(text: string): Promise<void>;
  /** A line about what went wrong. */
  problem(text: string): Promise<void>;
}

/** The streams of this process. A reader that has seen enough (`| head`) ends it quietly. */
export function processOutput(): Output {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  return {
    line: (text) => write(process.stdout, text),
    problem: (text) => write(process.stderr, text),
  };
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    // A failed write also reaches the handler of the stream's errors, which decides.
    stream.write(`${text}\n`, () => resolve());
  });
}

/** The text with its control characters, line ends included, as visible escapes. */
export function printable(text: string): string {
  // Cf holds the marks that turn the direction of text around.
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => {
    const code = found.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
