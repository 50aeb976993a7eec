// How long a flush goes on: until what was there when it was asked for is in blocks.
import { expect, it } from 'vitest';
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
