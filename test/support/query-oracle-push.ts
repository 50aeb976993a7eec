// How the worlds of the oracle push, and what the store will make of a push: the id that it gives.
import { gzipSync } from 'node:zlib';
import { xxhash128 } from 'hash-wasm';
import { contentKeyPrefix } from '../../src/ingester/content-key-prefix.ts';
import { finalLabels } from '../../src/model/labels.ts';
import { apiOrigin } from './api-server.ts';
import { encodePush } from './http-push.ts';
import { type ModelPush, rowsOf } from './query-model-rows.ts';
import type { Asked } from './query-oracle-question.ts';

/** The push as it would be when received at this time, under the id that the store will give. */
export async function datedPush(push: ModelPush, receivedMs: number): Promise<ModelPush> {
  const hasTime = (await rowsOf({ ...push, receivedMs: 1 }))[0]?.timeNs !== 1_000_000n;
  const sent = push.labels.map(([name, value]) => ({ name, value }));
  const time = hasTime ? undefined : receivedMs;
  const prefix = contentKeyPrefix(push.tenant, finalLabels(sent), time);
  const bytes = Buffer.concat([prefix, push.profile]);
  return { ...push, receivedMs, profileId: await xxhash128(bytes) };
}

/** Rejects unless it is acknowledged. */
export async function sendPush(app: Asked, push: ModelPush, isGzip: boolean): Promise<void> {
  const { tenant, labels, profile } = push;
  const body = isGzip ? new Uint8Array(gzipSync(profile)) : profile;
  const request = new Request(`${apiOrigin}/push.v1.PusherService/Push`, {
    method: 'POST',
    body: encodePush([{ labels: Object.fromEntries(labels), profiles: [body] }]),
    headers: { 'content-type': 'application/proto', 'x-scope-orgid': tenant },
  });
  const response = await app.fetch(request);
  if (response.status === 200) return;
  throw new Error(`the push was answered ${response.status}: ${await response.text()}`);
}
