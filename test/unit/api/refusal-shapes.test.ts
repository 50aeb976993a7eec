// Who may not come in is told so in the words of the door: Connect's error, plain JSON, OTLP's
// status in the encoding of the request, headers for gRPC. Never more than that it was refused.
import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../../src/auth/keys.ts';
import { type ApiServer, createApiServer } from '../../support/api-server.ts';
import { newKey } from '../../support/keys.ts';
import { grpcPath, otlpPath } from '../../support/otlp-requests.ts';

const pusher = newKey('team', 'push');
const reader = newKey('team', 'query');
const stranger = newKey('team', 'push');

const named = (tenant: string) => ({ 'x-scope-orgid': tenant });
const who: [string, Record<string, string>, number, string][] = [
  ['nobody', {}, 401, 'a key is needed'],
  ['a stranger', stranger.bearer, 401, 'the key is not known'],
  ['a reader', reader.bearer, 403, 'the key has not the scope push'],
  [
    'another tenant',
    { ...pusher.bearer, ...named('other') },
    403,
    'the key is not one of the tenant that is named',
  ],
];

const json = (code: string, message: string) => JSON.stringify({ code, message });
const connectCode = (status: number) => (status === 401 ? 'unauthenticated' : 'permission_denied');
const grpcCode = (status: number) => (status === 401 ? 16 : 7);

/** What an answer says, and of which type it is. */
interface Said {
  type: string | null;
  text: string;
}

const doors: [string, string, string, (status: number, message: string) => Said][] = [
  ...['application/proto', 'application/json'].map((type): (typeof doors)[number] => [
    `Push as ${type}`,
    '/push.v1.PusherService/Push',
    type,
    (status, message) => ({ type: 'application/json', text: json(connectCode(status), message) }),
  ]),
  [
    '/ingest',
    '/ingest?name=a',
    'text/plain',
    (status, message) => ({ type: 'application/json', text: json(connectCode(status), message) }),
  ],
  [
    'OTLP in JSON',
    otlpPath,
    'application/json',
    (status, message) => ({
      type: 'application/json',
      text: JSON.stringify({ code: grpcCode(status), message }),
    }),
  ],
  [
    'OTLP in protobuf',
    otlpPath,
    'application/x-protobuf',
    (status, message) => ({
      type: 'application/x-protobuf',
      text: String.fromCharCode(8, grpcCode(status), 18, message.length) + message,
    }),
  ],
];

async function ask(server: ApiServer, path: string, type: string, headers: Record<string, string>) {
  return server.send(path, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: '{}',
  });
}

function withKeys(): Promise<ApiServer> {
  const ring = new KeyRing([pusher.entry, reader.entry]);
  return createApiServer({ keys: () => ring });
}

describe.each(doors)('at %s', (_door, path, type, expected) => {
  it.each(who)('%s is refused', async (_who, headers, status, message) => {
    const server = await withKeys();
    const answer = await ask(server, path, type, headers);
    const said = { type: answer.headers.get('content-type'), text: await answer.text() };
    expect([answer.status, said]).toEqual([status, expected(status, message)]);
    expect(answer.headers.has('www-authenticate')).toBe(status === 401);
    expect(server.ingester.pushes).toEqual([]);
  });
});

describe('at the door of gRPC', () => {
  it.each(who)('%s is refused', async (_who, headers, status, message) => {
    const server = await withKeys();
    const answer = await ask(server, grpcPath, 'application/grpc', headers);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/grpc',
      'grpc-status': String(grpcCode(status)),
      'grpc-message': message,
    });
  });
});
