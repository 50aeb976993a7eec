// What SDKs sent once, captured in `test/fixtures/clients`, and how it is sent again: the same
// bytes over a socket, head and all, so that nothing between here and the server makes them over.
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { formatKey, type KeyEntry } from '../../src/auth/keys.ts';
import { digestOf } from './keys.ts';

const folder = new URL('../fixtures/clients/', import.meta.url);
const replyMsMax = 10_000;

export const capturedUser = 'captured';

/** The key that all captures show, of the bytes 0 to 31: `test/clients/capture.mjs` knows it. */
const capturedKey = formatKey(Uint8Array.from({ length: 32 }, (_, i) => i));
export const capturedEntry: KeyEntry = {
  sha256: digestOf(capturedKey),
  tenant: capturedUser,
  scopes: ['push', 'query'],
};
export const capturedBearer = { authorization: `Bearer ${capturedKey}` };

/** The requests of one program, in the order in which they came. */
export function captures(client: string): { file: string; bytes: Buffer }[] {
  const files = readdirSync(folder).filter((file) => file.startsWith(`${client}-`));
  return files.sort().map((file) => ({ file, bytes: readFileSync(new URL(file, folder)) }));
}

/** When they were taken, as the Go SDK told. */
export const capturedMs = Number(
  /&until=(\d{13})/.exec(captures('go')[0]?.bytes.toString('latin1') ?? '')?.[1],
);

/** Sends the bytes as they are and resolves to the reply's status and what follows its head. */
export function replay(url: string, bytes: Uint8Array): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    socket.setTimeout(replyMsMax, () => socket.destroy(new Error(`no reply: ${text}`)));
    socket.setEncoding('latin1');
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed without a whole reply: ${text}`)));
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      resolve({ status: Number(text.split(' ', 2)[1]), body: text.slice(end + 4) });
      socket.destroy();
    });
  });
}
