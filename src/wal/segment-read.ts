// Records of one tenant, read back from the disk. Owns the check of each record against its head
// and its body; a record that fails it is told and left out.
import type { LogFolder } from './log-folder.ts';
import type { LogIndex } from './log-index.ts';
import type { PageLayout } from './pages.ts';
import { SegmentReader } from './segment-file.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { LogFault } from './segment-load.ts';
import type { EntryPlace } from './segment-rows.ts';
import { readBody, readHead } from './segment-scan.ts';
import { decodeTreatedLabels } from './treated-labels.ts';
import type { StoredRecord } from './wal.ts';

/** Records nearer than this to the next one are read together with it. */
const gapBytesMax = 32 * 1024;
const readAheadBytes = 256 * 1024;

export interface ReadOptions {
  folder: LogFolder;
  layout: PageLayout;
  index: LogIndex;
  logTag: number;
  onFault: (fault: LogFault) => void;
}

/** The tenant's records with sequence ≥ `from` that are held, in order. */
export async function* readTenant(
  options: ReadOptions,
  tenant: string,
  from: number,
): AsyncGenerator<StoredRecord> {
  for (const { segment, places } of options.index.places(tenant, from)) {
    const reader = await openReader(options, segment);
    // Gone since: then all of it was released.
    if (reader === undefined) continue;
    try {
      for (const [at, place] of places.entries()) {
        if (!options.index.isHeld(tenant, place.sequence)) continue;
        const record = await readRecord(options, reader, segment, place, aheadOf(places, at));
        if (record !== undefined) yield record;
        else tellDamage(options, segment, place, tenant);
      }
    } finally {
      await reader.close();
    }
  }
}

async function openReader(
  { folder, layout, index }: ReadOptions,
  segment: SegmentIndex,
): Promise<SegmentReader | undefined> {
  try {
    const file = await folder.open(segment.segment, 'r');
    return new SegmentReader(file, layout, segment.fileBytes);
  } catch (error) {
    if (!index.segments.includes(segment)) return undefined;
    throw error;
  }
}

/** How much to read at once for the record at `at` and those that follow closely. */
function aheadOf(places: readonly EntryPlace[], at: number): number {
  const first = places[at] as EntryPlace;
  let end = endOf(first);
  for (let next = at + 1; next < places.length; next++) {
    const place = places[next] as EntryPlace;
    if (place.position - end > gapBytesMax || endOf(place) - first.position > readAheadBytes) break;
    end = endOf(place);
  }
  return end - first.position;
}

function endOf({ position, headBytes, bodyBytes }: EntryPlace): number {
  return position + headBytes + bodyBytes;
}

async function readRecord(
  { logTag }: ReadOptions,
  reader: SegmentReader,
  segment: SegmentIndex,
  place: EntryPlace,
  ahead: number,
): Promise<StoredRecord | undefined> {
  const { position, sequence } = place;
  const head = await readHead(reader, { logTag, segment: segment.segment }, position, ahead);
  if (head?.sequence === sequence && head.bodyBytes === place.bodyBytes) {
    const { tenant, timeMs: receivedMs } = head;
    // Reading the body may overwrite what the head is a view of.
    const [contentKey, treated] = [head.contentKey.slice(), decodeTreatedLabels(head)];
    const body = await readBody(reader, head);
    if (body !== undefined) {
      return { sequence, tenant, receivedMs, contentKey, ...treated, body: body.slice() };
    }
  }
  return undefined;
}

function tellDamage(
  { onFault }: ReadOptions,
  segment: SegmentIndex,
  place: EntryPlace,
  tenant: string,
): void {
  const { sequence, position } = place;
  if (!segment.setDamaged(sequence)) return;
  const bytes = endOf(place) - position;
  onFault({
    kind: 'wrong_checksum',
    segment: segment.segment,
    position,
    bytes,
    sequence,
    tenant,
    reason: 'record has a wrong checksum',
  });
}
