// From a sealed head to a block: tables staged, `meta.json` built from what was written, then one
// commit. Owns the content of `meta.json`; the order of steps that makes a flush safe is in
// `phlaredb.ts`.
import { blockPrefix } from '../block/files.ts';
import {
  type BlockMeta,
  type Dataset,
  encodeBlockMeta,
  type FileEntry,
  metaVersion,
} from '../block/meta.ts';
import type { Parquet } from '../block/parquet.ts';
import { writeBlock } from '../block/writer.ts';
import type { Bucket, Stage } from '../bucket/bucket.ts';
import type { Head, HeadContent, StagedBlock } from '../head/head.ts';
import { labelNames, labelValue } from '../model/labels.ts';
import { nsToMs } from '../model/time.ts';

export interface FlushContext {
  tenant: string;
  logId: string;
  /** Bucket of the tenant's blocks. */
  blocks: Bucket;
  parquet: Parquet;
  /** Awaited between slices of work. */
  pause: () => Promise<void>;
}

/** Writes the head as a block and makes it visible. Answers its `meta.json`. */
export async function flushHead(head: Head, context: FlushContext): Promise<BlockMeta> {
  let meta: BlockMeta | undefined;
  await head.flush(async (content) => {
    const stage = await context.blocks.stage(blockPrefix(content.ulid));
    try {
      const { parquet, pause } = context;
      const { files } = await writeBlock({ tables: content.tables, stage, parquet, yield: pause });
      meta = blockMeta(content, files, context);
    } catch (error) {
      await stage.abort();
      throw error;
    }
    return stagedBlock(stage, encodeBlockMeta(meta));
  }, context.pause);
  await head.move();
  return meta as BlockMeta;
}

function stagedBlock(stage: Stage, meta: Uint8Array): StagedBlock {
  return { commit: () => stage.commit(meta), abort: () => stage.abort() };
}

function blockMeta(
  content: HeadContent,
  files: readonly FileEntry[],
  context: FlushContext,
): BlockMeta {
  const sets = datasets(content);
  return {
    version: metaVersion,
    ulid: content.ulid,
    tenant: context.tenant,
    minTime: Math.min(...sets.map((set) => set.minTime)),
    maxTime: Math.max(...sets.map((set) => set.maxTime)),
    stats: {
      numSeries: content.series.length,
      numProfiles: content.profileCount,
      numSamples: content.sampleCount,
    },
    files: [...files],
    compaction: { level: 1, sources: [content.ulid] },
    source: 'ingester',
    labels: {},
    log: { id: context.logId, lastSequence: content.lastSequence },
    datasets: sets,
  };
}

/** Neighbouring series of one (service, profile type) share a dataset: ranges stay contiguous. */
function datasets(content: HeadContent): Dataset[] {
  const found: Dataset[] = [];
  for (const [id, { labels, range }] of content.series.entries()) {
    const serviceName = labelValue(labels, labelNames.serviceName);
    const profileType = labelValue(labels, labelNames.profileType);
    const last = found.at(-1);
    if (last?.serviceName === serviceName && last.profileType === profileType) {
      last.series[1] += 1;
      last.profiles[1] += range.profiles[1];
      last.samples[1] += range.samples[1];
      last.totals[1] += range.totals[1];
      last.minTime = Math.min(last.minTime, nsToMs(range.minTimeNs));
      last.maxTime = Math.max(last.maxTime, nsToMs(range.maxTimeNs));
      continue;
    }
    found.push({
      serviceName,
      profileType,
      series: [id, 1],
      profiles: [...range.profiles],
      samples: [...range.samples],
      totals: [...range.totals],
      minTime: nsToMs(range.minTimeNs),
      maxTime: nsToMs(range.maxTimeNs),
    });
  }
  return found;
}
