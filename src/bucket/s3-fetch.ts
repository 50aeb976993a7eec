// How the AWS SDK sends its requests: by `fetch`, the same on every runtime. Owns that a request
// ends when its signal says so. The SDK's own handler for node-like runtimes does not do: Deno's
// `node:http` sends a request again on a new connection when it is aborted on a reused one, and an
// aborted put would be stored after all.

/** What the SDK asks a handler to send. */
interface SdkRequest {
  method: string;
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: BodyInit;
}

/** Set by `fetch` itself; what it would send must be what was signed, and it is. */
const ownHeaders = new Set(['host', 'content-length', 'expect']);

/** A request handler for an S3 client. Bounds in time come in as the signal of each request. */
export function createFetchHandler() {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(request: SdkRequest, options: { abortSignal?: AbortSignal } = {}) {
      const { method, body } = request;
      const response = await fetch(urlOf(request), {
        method,
        headers: headersOf(request),
        // Whoever follows a redirect sends the signature of one host to another.
        redirect: 'manual',
        ...(method !== 'GET' && method !== 'HEAD' && body !== undefined && { body }),
        ...(options.abortSignal !== undefined && { signal: options.abortSignal }),
      });
      return {
        response: {
          statusCode: response.status,
          reason: response.statusText,
          headers: Object.fromEntries(response.headers),
          body: response.body ?? new Blob([]),
        },
      };
    },
    updateHttpClientConfig() {
      // There is nothing to configure.
    },
    httpHandlerConfigs: () => ({}),
  };
}

function urlOf({ protocol, hostname, port, path, query }: SdkRequest): string {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    [value].flat().map((each) => `${escapeQuery(name)}=${escapeQuery(each ?? '')}`),
  );
  const search = pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${search}`;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html */
function escapeQuery(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function headersOf(request: SdkRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (!ownHeaders.has(name.toLowerCase())) headers.set(name, value);
  }
  // An object is stored bytes: nothing on the way may pack them, and ranges count them.
  headers.set('accept-encoding', 'identity');
  return headers;
}
