// A socket that is answered as long as its process lives: how processes that cannot see each other,
// in two containers over one folder, tell. Owns nothing but the socket; the system itself ends it
// with the process, whatever ended that, and answers even for one that hangs.
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';

/** Linux takes 107 bytes, others 103: https://man7.org/linux/man-pages/man7/unix.7.html */
const pathBytesMax = 103;
/** A connection to a local socket is made by the system alone, in microseconds. */
const answerMsMax = 2_000;

export interface LockSocket {
  /** Ends it and removes its file. */
  close(): Promise<void>;
}

/** Undefined where the path is too long or the file system holds no sockets. */
export async function openLockSocket(path: string): Promise<LockSocket | undefined> {
  if (new TextEncoder().encode(path).length > pathBytesMax) return undefined;
  const server = createServer((socket) => socket.destroy());
  // It must not keep a finished process from ending.
  server.unref();
  if (!(await listens(server, path))) return undefined;
  return {
    async close() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

/** False only when the process that listened there has certainly ended. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const timer = setTimeout(() => end(true), answerMsMax);
    const end = (is: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(true));
    // A process that was killed leaves the file, which nobody listens at: that is refused. Without
    // the file, or without the right to ask, nothing is known.
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED'));
  });
}

function listens(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('listening', () => resolve(true));
    // Why does not matter: the lock then goes by process ids alone.
    server.once('error', () => resolve(false));
    server.listen({ path });
  });
}
