// How long a flush goes on: until what was there when it was asked for is in blocks; and that the
// log is told of nothing that is not.
import { expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { stamped } from '../../support/stamp.ts';

const { packed } = loadFixture('go-cpu');

it('ends a flush while heads go on being sealed, and leaves those to the next', async () => {
  const { database, blocks, push } = await openDatabase();
  await push('shop', stamped(packed, 1n));
  const stage = blocks.stage.bind(blocks);
  let stageCount = 0;
  blocks.stage = async (prefix) => {
    stageCount++;
    // As fast as blocks are written, pushes fill other heads.
    if (stageCount < 10) {
      await push('shop', stamped(packed, BigInt(1 + stageCount)));
      database.seal('max-block-bytes');
    }
    return stage(prefix);
  };
  await database.flush('api');
  expect({ blocks: database.blocks.length, stageCount }).toEqual({ blocks: 1, stageCount: 1 });
  await database.flush('api');
  expect({ blocks: database.blocks.length, stageCount }).toEqual({ blocks: 2, stageCount: 2 });
});

/** Makes the first append fail, so that the head is rebuilt from the log. */
function firstFails(): () => void {
  let appends = 0;
  return () => {
    appends++;
    if (appends === 1) throw new Failure('internal', 'a bug');
  };
}

it('ends a flush while pushes keep a rebuild busy', async () => {
  const { database, platform, push } = await openDatabase({ beforeAppend: firstFails() });
  const { wal } = platform;
  const read = wal.read.bind(wal);
  let isOver = false;
  let pushCount = 1;
  wal.read = async function* (tenant, from) {
    for await (const record of read(tenant, from)) {
      yield record;
      if (!isOver) await push('shop', stamped(packed, BigInt(++pushCount)));
    }
  };
  await push('shop', stamped(packed, 1n));
  await database.flush('api');
  expect(database.isReady).toBe(false);
  expect(database.blocks[0]?.log.lastSequence).toBeGreaterThanOrEqual(1);
  isOver = true;
  await database.ready();
  await database.flush('api');
  const rows = database.blocks.reduce((sum, { stats }) => sum + stats.numProfiles, 0);
  expect(rows).toBe(2 * pushCount);
});

it('keeps records in the log whose block failed at the end of a rebuild', async () => {
  const options = { beforeAppend: firstFails(), headBytesMax: 2 ** 10 };
  const { database, blocks, platform, push } = await openDatabase(options);
  const stage = blocks.stage.bind(blocks);
  blocks.stage = () => Promise.reject(new Failure('unavailable', 'disk is full'));
  await push('shop', packed);
  await database.ready();
  await expect(database.flush('api')).rejects.toThrow('disk is full');
  expect(platform.wal.bytesUsed()).toBeGreaterThan(0);
  blocks.stage = stage;
  await database.flush('api');
  expect(platform.wal.bytesUsed()).toBe(0);
});
