// Turns between slices of long work: sockets get theirs on every runtime.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { createTurn } from '../../../src/runtime/next-turn.ts';

const monotonicMs = () => performance.now();
const sliceMs = 5;

function work(): void {
  const endMs = monotonicMs() + sliceMs;
  while (monotonicMs() < endMs);
}

it('answers a socket within a few slices of long work', async () => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  let isAnswered = false;
  socket.once('data', () => {
    isAnswered = true;
  });
  socket.write('ping');
  const turn = createTurn();
  let slices = 0;
  for (; !isAnswered && slices < 200; slices++) {
    work();
    await turn();
  }
  socket.destroy();
  server.close();
  expect(isAnswered).toBe(true);
  expect(slices).toBeLessThan(20);
});
