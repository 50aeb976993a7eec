// The text of the `bucket` setting as plain data. Owns its grammar; makes no bucket, so that
// settings can be checked and printed without touching a network or a disk. Carries no secret:
// credentials come from the environment, and a URL that holds some is refused unprinted.
import { Failure, isFailure } from '../errors.ts';
import { nearestName } from '../lib/nearest-name.ts';
import { validateKey } from './keys.ts';

export interface S3Location {
  kind: 's3';
  bucket: string;
  /** `''`, or a folder that ends in `/`. */
  prefix: string;
  /** Undefined: what the AWS configuration says. */
  region: string | undefined;
  /** `https://host:port`; undefined: AWS itself. */
  endpoint: string | undefined;
  /** The bucket's name goes into the path instead of the host name. */
  isPathStyle: boolean;
}

export interface FilesystemLocation {
  kind: 'filesystem';
  /** Absolute. */
  folder: string;
}

export type BucketLocation = S3Location | FilesystemLocation;

const forms = 's3://name/prefix?region=…&endpoint=…&path_style=true or file:///path';
const s3Parameters = ['region', 'endpoint', 'path_style'];

/** Reads `s3://name/prefix?region=…&endpoint=…&path_style=true` or `file:///path`. */
export function parseBucketUrl(text: string): BucketLocation {
  const match = /^([a-z0-9+.-]+):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/i.exec(text.trim());
  // The text is not repeated here: what cannot be read may hold a secret anywhere.
  if (match === null) throw new Failure('invalid', `bucket url must be ${forms}`);
  const [, scheme = '', host = '', path = '', query = ''] = match;
  if (host.includes('@')) {
    throw new Failure('invalid', 'bucket url must not hold credentials: use AWS_ACCESS_KEY_ID');
  }
  switch (scheme.toLowerCase()) {
    case 's3':
      return parseS3(host, decode(path), query);
    case 'file':
      return parseFile(host, decode(path), query);
    default:
      throw new Failure('invalid', `bucket url has the scheme ${scheme}, must be ${forms}`);
  }
}

/**
 * The bucket's name for records: the same bucket under the same prefix has the same one, whatever
 * the spelling of its URL; region and path style do not matter.
 */
export function bucketIdentity(text: string): string {
  const location = parseBucketUrl(text);
  if (location.kind === 'filesystem') return `file://${location.folder}`;
  const { bucket, prefix, endpoint } = location;
  const at = endpoint === undefined ? '' : `?endpoint=${endpoint}`;
  return `s3://${bucket}/${prefix}${at}`;
}

function parseS3(bucket: string, path: string, query: string): S3Location {
  if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(bucket)) {
    throw new Failure(
      'invalid',
      `bucket name ${JSON.stringify(bucket)} is not valid: 3 to 63 letters, digits, dots, hyphens`,
    );
  }
  const parameters = parseQuery(query, s3Parameters);
  return {
    kind: 's3',
    bucket,
    prefix: prefixOf(path),
    region: parameters.get('region'),
    endpoint: endpointOf(parameters.get('endpoint')),
    isPathStyle: booleanOf('path_style', parameters.get('path_style')),
  };
}

function parseFile(host: string, path: string, query: string): FilesystemLocation {
  if (host !== '' && host !== 'localhost') {
    throw new Failure('invalid', `bucket url has the host ${host}: write file:///path`);
  }
  parseQuery(query, []);
  const folder = path.replace(/\/+$/, '');
  if (folder === '') throw new Failure('invalid', 'bucket url file:// needs a folder below /');
  if (folder.includes('\0') || folder.split('/').some((name) => name === '..' || name === '.')) {
    throw new Failure('invalid', `bucket folder ${JSON.stringify(folder)} must be a plain path`);
  }
  return { kind: 'filesystem', folder };
}

function prefixOf(path: string): string {
  const prefix = path.replace(/^\/+|\/+$/g, '');
  if (prefix === '') return '';
  try {
    validateKey(prefix);
  } catch (error) {
    if (!isFailure(error)) throw error;
    throw new Failure('invalid', `bucket url: ${error.message}`, { cause: error });
  }
  return `${prefix}/`;
}

function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined &&
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    url.pathname === '/' &&
    url.username + url.password + url.search + url.hash === '';
  if (!isPlain) {
    throw new Failure('invalid', 'bucket endpoint must be http://host:port or https://host:port');
  }
  return url.origin;
}

function booleanOf(name: string, text: string | undefined): boolean {
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw new Failure('invalid', `bucket url has ${name}=${text}, must be true or false`);
}

function parseQuery(query: string, known: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!known.includes(name)) {
      const near = nearestName(name, known);
      const hint = near === undefined ? '' : `, did you mean ${near}`;
      throw new Failure('invalid', `bucket url has the unknown parameter ${name}${hint}`);
    }
    if (parameters.has(name)) throw new Failure('invalid', `bucket url has ${name} twice`);
    if (value === '') throw new Failure('invalid', `bucket url has an empty ${name}`);
    parameters.set(name, value);
  }
  return parameters;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new Failure('invalid', 'bucket url has a broken percent escape', { cause: error });
  }
}
