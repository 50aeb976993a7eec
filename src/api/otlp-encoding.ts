// Which encoding an OTLP request is in, by its content type. Parameters such as a charset say
// nothing, so that they are ignored.

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
