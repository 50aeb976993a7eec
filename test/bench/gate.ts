// A door to a server that can be shut: shut, every connection is closed as soon as it is made. Owns
// the port, which stays the same.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Gate {
  /** `http://127.0.0.1:port`. */
  url: string;
  open(): void;
  close(): void;
}

/** A shut gate to `port` of the loopback. */
export async function createGate(port: number): Promise<Gate> {
  let isOpen = false;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    // Whoever hangs up, on either side, ends both; nothing else is to be told.
    socket.on('error', () => socket.destroy());
    if (!isOpen) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    const onward = connect(port, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.destroy());
    socket.on('close', () => {
      onward.destroy();
      sockets.delete(socket);
    });
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`,
    open: () => {
      isOpen = true;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
