// What a shipper promises whatever happens on the way: faults and aborts at every object of a
// block, at every moment, over any remote bucket. Nothing half uploaded is taken for a block, and
// the next sync completes it.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { Failure } from '../../src/errors.ts';
import { type FaultMoment, faulty } from '../support/faulty-bucket.ts';
import { blockFiles, blocksSeen, putBlock, shipping, ulidOf } from '../support/shipped-blocks.ts';

const allMoments: readonly FaultMoment[] = ['early', 'midway', 'late'];
// One HEAD, then every file.
const callCount = 1 + blockFiles.length;
const block = ulidOf(1);
const active = () => new AbortController().signal;

/** Runs the fault loop. `makeRemote` answers an empty bucket each time. */
export function shipperFaultCases(
  name: string,
  makeRemote: () => Promise<Bucket>,
  moments = allMoments,
): void {
  describe(`shipper over ${name}`, () => {
    for (const moment of moments) {
      for (let index = 0; index < callCount; index++) {
        it(`completes a block whose call ${index} failed ${moment}`, async () => {
          const local = new MemoryBucket();
          await putBlock(local, block);
          const remote = await makeRemote();
          const { bucket, failAt } = faulty(remote);
          failAt(index, () => new Failure('unavailable', 'the connection broke'), moment);
          const { shipper } = shipping(local, bucket);
          const report = await shipper.sync(active());
          expect(report.failed.map(({ ulid }) => ulid)).toEqual([block]);
          await expectNextSyncCompletes(local, remote, isCommitted(index, moment));
        });

        it(`completes a block whose sync was aborted at call ${index}, ${moment}`, async () => {
          const local = new MemoryBucket();
          await putBlock(local, block);
          const remote = await makeRemote();
          const { bucket, failAt } = faulty(remote);
          const controller = new AbortController();
          const abort = () => {
            controller.abort(new Error('stopping'));
            return controller.signal.reason;
          };
          failAt(index, abort, moment);
          const { shipper } = shipping(local, bucket);
          const report = await shipper.sync(controller.signal);
          expect(report).toMatchObject({ failed: [], pending: [block] });
          await expectNextSyncCompletes(local, remote, isCommitted(index, moment));
        });
      }
    }

    it('completes a block whose process died at any object', async () => {
      for (let index = 1; index < callCount; index++) {
        const local = new MemoryBucket();
        await putBlock(local, block);
        const remote = await makeRemote();
        const { bucket, failFrom } = faulty(remote);
        failFrom(index, () => new Failure('unavailable', 'the process is gone'));
        await shipping(local, bucket).shipper.sync(active());
        expect(await blocksSeen(local, remote)).toEqual({});
        const report = await shipping(local, remote).shipper.sync(active());
        expect(report.uploaded).toEqual([block]);
        expect(await blocksSeen(local, remote)).toEqual({ [block]: 'whole' });
      }
    });
  });
}

/** Only an answer lost after the very last put leaves a block, and that one is whole. */
function isCommitted(index: number, moment: FaultMoment): boolean {
  return index === callCount - 1 && moment === 'late';
}

async function expectNextSyncCompletes(
  local: Bucket,
  remote: Bucket,
  isThere: boolean,
): Promise<void> {
  expect(await blocksSeen(local, remote)).toEqual(isThere ? { [block]: 'whole' } : {});
  const { shipper } = shipping(local, remote);
  expect(await shipper.unshipped()).toEqual([block]);
  const report = await shipper.sync(active());
  expect(report).toEqual({
    uploaded: isThere ? [] : [block],
    found: isThere ? [block] : [],
    failed: [],
    pending: [],
  });
  expect(await blocksSeen(local, remote)).toEqual({ [block]: 'whole' });
  expect(await shipper.unshipped()).toEqual([]);
}
