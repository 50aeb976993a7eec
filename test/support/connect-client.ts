// A generated Connect client's transport, straight into a fetch function.
import {
  type UniversalClientRequest,
  universalClientResponseFromFetch,
} from '@connectrpc/connect/protocol';
import { createTransport } from '@connectrpc/connect/protocol-connect';
import { gunzip, gzip } from '../../src/runtime/gzip.ts';
import { apiOrigin } from './api-server.ts';
import { concat } from './zstd-frames.ts';

interface Server {
  fetch: (request: Request) => Promise<Response>;
}

const compression = {
  name: 'gzip',
  compress: async (bytes: Uint8Array) => new Uint8Array(gzip(bytes)),
  decompress: async (bytes: Uint8Array, max: number) => new Uint8Array(gunzip(bytes, max)),
};

/** Bodies go whole, as Node wants `duplex` for streams. */
const httpClientOf = (server: Server) => async (request: UniversalClientRequest) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request.body ?? []) chunks.push(chunk);
  const body = concat(...chunks);
  const { method, header: headers } = request;
  return universalClientResponseFromFetch(
    await server.fetch(new Request(request.url, { method, headers, body })),
  );
};

/** A transport in protobuf or JSON; compresses every request and takes compressed answers. */
export function transportTo(server: Server, useBinaryFormat: boolean, baseUrl = apiOrigin) {
  return createTransport({
    httpClient: httpClientOf(server),
    baseUrl,
    useBinaryFormat,
    interceptors: [],
    acceptCompression: [compression],
    sendCompression: compression,
    compressMinBytes: 0,
    readMaxBytes: 1 << 24,
    writeMaxBytes: 1 << 20,
  });
}
