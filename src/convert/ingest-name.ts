// The `name` of an upload: `shop.backend{region=eu,version=1.2}`. Owns the grammar, which has no
// quoting, and which labels it makes.
import { Failure } from '../errors.ts';
import { type Label, labelNames } from '../model/labels.ts';

export interface IngestName {
  app: string;
  /** As given, the last of equal keys; reserved ones among them. */
  labels: ReadonlyMap<string, string>;
}

const appPattern = /^[a-zA-Z0-9_.\-/]+$/;
const keyPattern = /^[a-zA-Z0-9_.]+$/;

/** Throws `invalid` for an application or a key that is empty or has other characters. */
export function parseIngestName(text: string): IngestName {
  const brace = text.indexOf('{');
  const app = (brace === -1 ? text : text.slice(0, brace)).trim();
  if (!appPattern.test(app)) {
    throw invalid(
      `application ${shown(app)} may have letters, digits and _ . - / and is not empty`,
    );
  }
  const labels = new Map<string, string>();
  if (brace === -1) return { app, labels };
  const close = text.indexOf('}', brace);
  // What follows the brace does not count, and neither does its absence.
  const pairs = text.slice(brace + 1, close === -1 ? text.length : close);
  for (const pair of pairs.split(',')) {
    if (pair.trim() === '') continue;
    const equals = pair.indexOf('=');
    const key = (equals === -1 ? pair : pair.slice(0, equals)).trim();
    if (equals === -1 || !keyPattern.test(key)) {
      throw invalid(`label ${shown(pair)} is not key=value with a key of letters, digits, _ and .`);
    }
    labels.set(key, pair.slice(equals + 1).trim());
  }
  return { app, labels };
}

/** Labels that clients may not set begin so. */
const reservedPrefix = '__';

/**
 * The labels of a profile: what the server says wins over the client's, reserved names but the
 * session's are left out. `service` is the service unless the client names one; then it is filed
 * under `appName`, or nowhere when that is undefined.
 */
export function ingestLabels(
  given: ReadonlyMap<string, string>,
  { service, appName, set }: { service: string; appName?: string; set: Record<string, string> },
): Label[] {
  const labels = new Map<string, string>();
  for (const [name, value] of given) {
    if (!name.startsWith(reservedPrefix) || name === labelNames.sessionId) labels.set(name, value);
  }
  if ((labels.get(labelNames.serviceName) ?? '') === '') {
    labels.set(labelNames.serviceName, service);
  } else if (appName !== undefined) labels.set(appName, service);
  for (const [name, value] of Object.entries(set)) labels.set(name, value);
  return [...labels].map(([name, value]) => ({ name, value }));
}

function invalid(what: string): Failure {
  return new Failure('invalid', `name: ${what}`);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 128));
}
