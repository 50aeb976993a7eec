// The `profiles` table of a seal: one row for each live row, in final order.
import {
  ROW_COMMENT_COUNT, ROW_COMMENT_START, ROW_DEFAULT_TYPE, ROW_DROP, ROW_DURATION, ROW_KEEP,
  ROW_PERIOD, ROW_SIZE, ROW_TIME, ROW_TOTAL, ROW_UUID,
} from './layout';
import { fillField, fillOffsets, fillText, listTotal, recordAt, takeRecords } from './seal-records';
import { fillIds, fillStrings, slotFor, stringIdRoom } from './seal-slots';
import { rowNumbers, rowSeries } from './seal-state';
import { comments, rows } from './store';

@inline function commentsOf(row: usize): usize {
  return comments.pointer + (<usize>load<u32>(row, ROW_COMMENT_START) << 2);
}

function fillSeries(from: u32, count: u32): bool {
  const ids = slotFor(1, count, 2);
  if (!ids) return false;
  memory.copy(ids, rowSeries.pointer + (<usize>from << 2), <usize>count << 2);
  return true;
}

function fillComments(count: u32): bool {
  if (!fillOffsets(13, ROW_COMMENT_COUNT)) return false;
  const ids = stringIdRoom(listTotal);
  if (!ids) return false;
  let id = ids;
  for (let i: u32 = 0; i < count; i++) {
    const row = recordAt(i);
    const bytes = <usize>load<u32>(row, ROW_COMMENT_COUNT) << 2;
    memory.copy(id, commentsOf(row), bytes);
    id += bytes;
  }
  return fillStrings(14, ids, listTotal);
}

/**
 * Slots: profile, series, time, duration, period, uuid, total, then three strings of two slots
 * (default type, drop frames, keep frames), then the comments' offsets and their strings.
 */
export function fillProfiles(from: u32, count: u32): bool {
  takeRecords(rows.pointer, ROW_SIZE, rowNumbers.pointer, from, count);
  return (
    fillIds(0, from, count) &&
    fillSeries(from, count) &&
    fillField(2, 3, ROW_TIME) &&
    fillField(3, 3, ROW_DURATION) &&
    fillField(4, 3, ROW_PERIOD) &&
    fillField(5, 4, ROW_UUID) &&
    fillField(6, 3, ROW_TOTAL) &&
    fillText(7, ROW_DEFAULT_TYPE) &&
    fillText(9, ROW_DROP) &&
    fillText(11, ROW_KEEP) &&
    fillComments(count)
  );
}
