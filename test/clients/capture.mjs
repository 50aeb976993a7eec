// Takes what the SDKs send, byte for byte: a server that answers every request 200 and writes it to
// `NAME-N.http` as it came over the wire. `node capture.mjs FOLDER NAME COMMAND…` runs the command
// with the server's address, a user and a key in its environment, and ends with it.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [folder, name, command, ...args] = process.argv.slice(2);
/** The key that the tests let in. */
const keyBytes = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
let count = 0;

/** The length of the first request of `bytes`, undefined while it is not whole. */
function requestLength(bytes) {
  const headLength = bytes.indexOf('\r\n\r\n') + 4;
  if (headLength < 4) return undefined;
  const head = bytes.subarray(0, headLength).toString('latin1').toLowerCase();
  const declared = /\r\ncontent-length: *(\d+)/.exec(head);
  if (declared !== null) {
    const length = headLength + Number(declared[1]);
    return length <= bytes.length ? length : undefined;
  }
  if (!/\r\ntransfer-encoding: *chunked/.test(head)) return headLength;
  for (let at = headLength; ; ) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    at = end + 2 + size + 2;
    if (at > bytes.length) return undefined;
    if (size === 0) return at;
  }
}

const server = createServer((socket) => {
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let length = requestLength(bytes); length !== undefined; length = requestLength(bytes)) {
      count += 1;
      writeFileSync(join(folder, `${name}-${count}.http`), bytes.subarray(0, length));
      bytes = bytes.subarray(length);
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    }
  });
  socket.on('error', () => socket.destroy());
});

server.listen(0, '127.0.0.1', () => {
  const child = spawn(command, args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      PHLOX_URL: `http://127.0.0.1:${server.address().port}`,
      PHLOX_USER: 'captured',
      PHLOX_PASSWORD: `phlox_${keyBytes.toString('base64url')}`,
    },
  });
  child.on('close', (code) => {
    console.log(`${name}: ${count} requests, exit ${code}`);
    process.exit(code === 0 && count > 0 ? 0 : 1);
  });
});
