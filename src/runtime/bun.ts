// phlox on Bun: its HTTP server. Everything else is in `serve.ts`.
import type { Settings } from '../config/settings.ts';
import { type Listen, serve } from './serve.ts';

/** The part of Bun's API that is used here: https://bun.sh/docs/api/http */
interface BunRuntime {
  version: string;
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
  }): BunServer;
}

interface BunServer {
  port: number;
  stop(closeActiveConnections?: boolean): Promise<void>;
  requestIP(request: Request): { address: string } | null;
}

const bun = (globalThis as unknown as { Bun: BunRuntime }).Bun;

/** Bun ends a connection that is silent for this many seconds; 255 is the most it takes. */
const idleTimeoutSeconds = 255;
/** Above the app's bound, so that the app is who refuses and the answer has its shape. */
const bodyBytesSlack = 1024 * 1024;

const listen: Listen = ({ hostname, port, requestBytesMax, fetch }) => {
  const server = bun.serve({
    hostname,
    port,
    idleTimeout: idleTimeoutSeconds,
    maxRequestBodySize: requestBytesMax + bodyBytesSlack,
    fetch: (request, self) => fetch(request, () => self.requestIP(request)?.address),
  });
  return Promise.resolve({ port: server.port, close: () => server.stop() });
};

/** Serves on Bun until a signal; resolves to the exit code. */
export function serveOnBun(settings: Settings): Promise<number> {
  return serve(settings, listen, `bun ${bun.version}`);
}
