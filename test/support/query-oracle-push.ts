// How the worlds of the oracle push, and what the store will make of a push: the id that it gives.
import { gzipSync } from 'node:zlib';
import { xxhash128 } from 'hash-wasm';
import { contentKeyPrefix } from '../../src/ingester/content-key-prefix.ts';
import { finalLabels } from '../../src/model/labels.ts';
import { apiOrigin } from './api-server.ts';
import { encodePush } from './http-push.ts';
import { QueryModel } from './query-model.ts';
import { type ModelPush, rowsOf } from './query-model-rows.ts';
import type { Asked } from './query-oracle-question.ts';

/** What a world is pushed, and the model beside it that is told of every push. */
export abstract class PushedWorld implements Asked {
  readonly model = new QueryModel();
  abstract readonly clocks: { readonly wallMs: number };
  abstract fetch(request: Request): Promise<Response>;

  /** The push as it would be now: received at this time, under the id that the store will give. */
  dated(push: ModelPush): Promise<ModelPush> {
    return datedPush(push, this.clocks.wallMs);
  }

  /** Sends it; what it makes is known to the model from `file` on. */
  send(push: ModelPush, isGzip: boolean): Promise<void> {
    return sendPush(this, push, isGzip);
  }

  file(push: ModelPush): void {
    this.model.push(push);
  }

  async push(push: ModelPush, isGzip: boolean): Promise<void> {
    await this.send(push, isGzip);
    this.file(push);
  }
}

/** The push as it would be when received at this time, under the id that the store will give. */
async function datedPush(push: ModelPush, receivedMs: number): Promise<ModelPush> {
  const hasTime = (await rowsOf({ ...push, receivedMs: 1 }))[0]?.timeNs !== 1_000_000n;
  const sent = push.labels.map(([name, value]) => ({ name, value }));
  const time = hasTime ? undefined : receivedMs;
  const prefix = contentKeyPrefix(push.tenant, finalLabels(sent), time);
  const bytes = Buffer.concat([prefix, push.profile]);
  return { ...push, receivedMs, profileId: await xxhash128(bytes) };
}

/** Rejects unless it is acknowledged. */
async function sendPush(app: Asked, push: ModelPush, isGzip: boolean): Promise<void> {
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
