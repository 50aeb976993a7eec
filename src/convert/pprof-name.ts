// The label `__name__` of a pprof that came without one: told by its sample types and, when the
// client sent one, by its `sample_type_config`. Owns the rules, which are Pyroscope's: dashboards
// ask for the names that they give.
import { Failure, messageOf } from '../errors.ts';

/** Display names by sample type. */
export type DisplayNames = ReadonlyMap<string, string>;

/** More than any client has to say about its handful of types. */
const configBytesMax = 64 * 1024;

/** What types are shown as when the client does not say. */
const builtIn: DisplayNames = new Map([
  ['samples', 'cpu'],
  ['goroutine', 'goroutines'],
  ['contentions', 'mutex_count'],
  ['delay', 'mutex_duration'],
]);

/**
 * Reads `{ type: { "display-name": … } }`; whatever else it says is about storage that does not
 * exist here. Throws `invalid` for what is no such JSON.
 */
export function parseDisplayNames(bytes: Uint8Array): DisplayNames {
  if (bytes.byteLength > configBytesMax) {
    throw invalid(`${bytes.byteLength} bytes, limit ${configBytesMax}`);
  }
  let config: unknown;
  try {
    config = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw invalid(messageOf(error).slice(0, 200));
  }
  if (!isObject(config)) throw invalid('not an object');
  const names = new Map<string, string>();
  for (const [type, about] of Object.entries(config)) {
    if (!isObject(about)) throw invalid(`${JSON.stringify(type.slice(0, 64))} is no object`);
    const name = about['display-name'];
    names.set(type, typeof name === 'string' && name !== '' ? name : type);
  }
  return names;
}

/** `types` in the profile's order; `shown` replaces the built-in names altogether. */
export function profileName(types: readonly string[], shown: DisplayNames | undefined): string {
  if (types.includes('wall')) return 'wall';
  const names = shown ?? builtIn;
  for (const type of types) {
    const name = nameOf(names.get(type) ?? type);
    if (name !== undefined) return name;
  }
  return types.at(-1) ?? '';
}

function nameOf(shown: string): string | undefined {
  if (shown.includes('cpu')) return 'process_cpu';
  if (shown.includes('alloc_') || shown.includes('inuse_')) return 'memory';
  if (shown === 'space' || shown === 'objects') return 'memory';
  if (shown.includes('mutex_')) return 'mutex';
  if (shown.includes('block_')) return 'block';
  return shown.includes('goroutines') ? 'goroutines' : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(what: string): Failure {
  return new Failure('invalid', `sample_type_config: ${what}`, { reason: 'malformed_profile' });
}
