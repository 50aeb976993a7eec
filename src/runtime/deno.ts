// phlox on Deno: its HTTP server. Everything else is in `serve.ts`.
import type { Settings } from '../config/settings.ts';
import { type Listen, serve } from './serve.ts';

/** The part of Deno's API that is used here: https://docs.deno.com/api/deno/~/Deno.serve */
interface DenoRuntime {
  version: { deno: string };
  serve(
    options: { hostname: string; port: number; onListen: () => void },
    handler: (
      request: Request,
      info: { remoteAddr: { hostname?: string } },
    ) => Response | Promise<Response>,
  ): { addr: { port: number }; shutdown(): Promise<void> };
}

const deno = (globalThis as unknown as { Deno: DenoRuntime }).Deno;

const listen: Listen = ({ hostname, port, fetch }) => {
  // Deno prints its own line unless told otherwise; the log has one.
  const options = { hostname, port, onListen: () => undefined };
  const server = deno.serve(options, (request, { remoteAddr }) =>
    fetch(request, () => remoteAddr.hostname),
  );
  return Promise.resolve({ port: server.addr.port, close: () => server.shutdown() });
};

/** Serves on Deno until a signal; resolves to the exit code. */
export function serveOnDeno(settings: Settings): Promise<number> {
  return serve(settings, listen, `deno ${deno.version.deno}`);
}
