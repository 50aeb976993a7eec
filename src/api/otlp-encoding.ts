// Which encoding an OTLP request is in, by its content type, and whether it names the schema of its
// messages. Parameters such as a charset say nothing, so that they are ignored.
import { Failure } from '../errors.ts';

export type OtlpEncoding = 'binary' | 'json' | 'grpc';

const binaryTypes = ['application/x-protobuf', 'application/protobuf'];
const jsonType = 'application/json';

/** What a request may have. */
export const otlpContentTypes: readonly string[] = [...binaryTypes, jsonType];

/** Undefined for what OTLP does not have. */
export function otlpEncodingOf(contentType: string | null): OtlpEncoding | undefined {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type.startsWith('application/grpc')) return 'grpc';
  if (type === jsonType) return 'json';
  return binaryTypes.includes(type) ? 'binary' : undefined;
}

/** The Collector's name for it: messages change while the signal is in development. */
const schemaHeader = 'otlp-profiles-development-version';
/** Of OTLP 1.10, and the first that senders name. */
const schemaKnown = '1';

/** Whether the sender names the schema that is known. Throws `invalid` for another one. */
export function namesSchema(headers: Headers): boolean {
  const named = headers.get(schemaHeader);
  if (named === null || named === schemaKnown) return named !== null;
  const shown = JSON.stringify(named.slice(0, 64));
  throw new Failure('invalid', `${schemaHeader} ${shown} is not known, known is ${schemaKnown}`);
}
