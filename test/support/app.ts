// An app over memory with a client in front of it: requests in, answers, blocks and metrics out.
import { type App, createApp } from '../../src/app.ts';
import { type BlockMeta, parseBlockMeta } from '../../src/block/meta.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import type { Platform } from '../../src/platform.ts';
import { encodePush, type PushSeries } from './http-push.ts';
import { memoryPlatform, type TestPlatform, testSettings } from './memory-platform.ts';

export interface Answer {
  status: number;
  response: Response;
  body: string;
}

export interface TestApp extends AsyncDisposable {
  app: App;
  platform: TestPlatform;
  push(series: PushSeries[], headers?: Record<string, string>): Promise<Answer>;
  /** A method of `ingester.v1.IngesterService`, in JSON. */
  ask(method: string, body: object, headers?: Record<string, string>): Promise<unknown>;
  flush(): Promise<number>;
  get(path: string): Promise<Answer>;
  /** The value of a metric's line, 0 when there is none. */
  metric(line: string): Promise<number>;
}

const origin = 'http://127.0.0.1:4040';

/** An app, started after `prepare` has run; disposing stops it, whatever the stop says. */
export async function startApp(
  parts: Partial<Platform> = {},
  file: Record<string, unknown> = {},
  prepare?: (platform: TestPlatform) => void,
): Promise<TestApp> {
  const platform = await memoryPlatform(parts);
  prepare?.(platform);
  const app = await createApp(platform, testSettings(file));
  await app.start();
  return testApp(app, platform);
}

/** The client's side of an app. */
export function testApp(app: App, platform: TestPlatform): TestApp {
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await app.fetch(new Request(`${origin}${path}`, init));
    return { status: response.status, response, body: await response.clone().text() };
  };
  const post = (path: string, type: string, body: BodyInit, headers: Record<string, string>) =>
    send(path, { method: 'POST', body, headers: { 'content-type': type, ...headers } });
  const get = (path: string) => send(path, { method: 'GET' });
  return {
    app,
    platform,
    get,
    push: (series, headers = {}) =>
      post('/push.v1.PusherService/Push', 'application/proto', encodePush(series), headers),
    ask: async (method, body, headers = {}) => {
      const path = `/ingester.v1.IngesterService/${method}`;
      const answer = await post(path, 'application/json', JSON.stringify(body), headers);
      return JSON.parse(answer.body);
    },
    flush: async () => (await send('/flush', { method: 'POST' })).status,
    metric: async (line) => {
      const { body } = await get('/metrics');
      const found = body.split('\n').find((one) => one.startsWith(`${line} `));
      return found === undefined ? 0 : Number(found.split(' ').at(-1));
    },
    [Symbol.asyncDispose]: async () => {
      // What a test left unflushed or unshipped is not what it is about.
      await app.stop().catch(() => undefined);
    },
  };
}

/** Every block of a bucket, by the key of its `meta.json`. */
export async function blockMetas(bucket: Bucket): Promise<{ key: string; meta: BlockMeta }[]> {
  const { objects } = await bucket.list('');
  const keys = objects.map(({ key }) => key).filter((key) => key.endsWith('/meta.json'));
  return Promise.all(
    keys.map(async (key) => ({ key, meta: parseBlockMeta(await bucket.get(key)) })),
  );
}

/** Waits, for five seconds at the most, until `check` says true. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it does not happen');
}
