// Structured log lines, JSON or logfmt, to a sink the runtime supplies. Owns the shape of a line;
// callers pass facts as fields, never secrets.

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];
export const logFormats = ['json', 'logfmt'] as const;
export type LogFormat = (typeof logFormats)[number];

export type LogFields = Readonly<Record<string, string | number | boolean | bigint | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  level: LogLevel;
  format: LogFormat;
  nowMs: () => number;
  /** Takes one line without its newline. */
  sink: (line: string) => void;
}

/** A logger at the root; `child` makes the others. */
export function createLogger(options: LoggerOptions, base: LogFields = {}): Logger {
  const threshold = logLevels.indexOf(options.level);
  const write = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (logLevels.indexOf(level) < threshold) return;
    const time = new Date(options.nowMs()).toISOString();
    const line = { time, level, msg: message, ...base, ...fields };
    options.sink(options.format === 'json' ? jsonLine(line) : logfmtLine(line));
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    child: (fields) => createLogger(options, { ...base, ...fields }),
  };
}

function jsonLine(fields: LogFields): string {
  return JSON.stringify(fields, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

function logfmtLine(fields: LogFields): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = String(value);
    parts.push(`${key}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`);
  }
  return parts.join(' ');
}
