// The Parquet codec: parquet-wasm's one instance behind the three calls that a block needs. Owns
// the encoder's settings and its traps: what it is given must be freed, its streaming side swallows
// errors, and a panic inside it leaves a stream that never ends. Reading is not streamed for that
// reason: a panic in a call can be caught.
import {
  Compression,
  EnabledStatistics,
  initSync,
  Table as ParquetTable,
  type RecordBatch,
  readParquet,
  transformParquetStream,
  type WriterProperties,
  WriterPropertiesBuilder,
  WriterVersion,
  writeParquet,
} from 'parquet-wasm/esm';
import { Failure, messageOf } from '../errors.ts';

export interface ParquetSettings {
  /** Top-level flat columns that get a dictionary; the encoder ignores names of nested ones. */
  dictionaryColumns: readonly string[];
  rowGroupRowsMax: number;
}

export interface Parquet {
  /** Size of the encoder's linear memory, which only grows. */
  memoryBytes(): number;
  /** One finished file without rows, from an IPC stream that carries the schema alone. */
  encodeEmpty(ipc: Uint8Array, settings: ParquetSettings): Uint8Array;
  /**
   * One file, a chunk per row group, from at least one IPC stream of one batch each. Batches are
   * asked for one at a time. Leaving the loop early stops the encoder; the batches are then not
   * closed. Throws what `batches` throws, and `internal` for what the encoder does.
   */
  encodeStream(
    batches: AsyncIterator<Uint8Array>,
    settings: ParquetSettings,
    yieldTurn: () => Promise<void>,
  ): AsyncGenerator<Uint8Array, void, void>;
  /**
   * All columns of a file as one IPC stream, in batches of at most `rows` rows. Throws `corrupt`
   * for what cannot be decoded; check pages first (`pages.ts`), for a panic inside leaks the memory
   * of the call.
   */
  decode(file: Uint8Array, rows: number): Uint8Array;
}

/**
 * Turns of the event loop the encoder may let pass without asking for rows or handing out bytes.
 * It needs a few; a thousand say that it has panicked and will never answer.
 */
const idleTurnsMax = 1000;

/**
 * Starts the encoder. There is one instance a process: a second call answers the same one and
 * ignores its module.
 */
export function initParquet(module: WebAssembly.Module): Parquet {
  const { memory } = initSync({ module });
  return {
    memoryBytes: () => memory.buffer.byteLength,
    encodeEmpty(ipc, settings) {
      try {
        return writeParquet(ParquetTable.fromIPCStream(ipc), properties(settings));
      } catch (error) {
        throw encoderFailure(error);
      }
    },
    encodeStream,
    decode(file, rows) {
      try {
        // Consumes the table, so that nothing is left to be freed.
        return readParquet(file, { batchSize: rows }).intoIPCStream();
      } catch (cause) {
        throw new Failure('corrupt', `parquet decoder failed: ${messageOf(cause)}`, { cause });
      }
    },
  };
}

/** Consumed by the call it is passed to, hence made for each file. */
function properties(settings: ParquetSettings): WriterProperties {
  let builder = new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    // Version 2 without a dictionary delta-encodes integers and strings, which suits sorted ids.
    .setWriterVersion(WriterVersion.V2)
    .setDictionaryEnabled(false)
    .setStatisticsEnabled(EnabledStatistics.Page)
    .setMaxRowGroupSize(settings.rowGroupRowsMax);
  for (const column of settings.dictionaryColumns) {
    builder = builder.setColumnDictionaryEnabled(column, true);
  }
  return builder.build();
}

async function* encodeStream(
  batches: AsyncIterator<Uint8Array>,
  settings: ParquetSettings,
  yieldTurn: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, void> {
  const feed = createFeed(batches);
  const answer = <T>(work: Promise<T>) => answerOrStall(work, feed.activity, yieldTurn);
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    const output = await answer(transformParquetStream(feed.stream, properties(settings)));
    reader = output.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    for (;;) {
      const { done, value } = await answer(reader.read());
      if (feed.failure) throw feed.failure.error;
      if (done) return;
      yield value;
    }
  } catch (error) {
    // The encoder knows only that its input ended; why is known here.
    throw feed.failure ? feed.failure.error : encoderFailure(error);
  } finally {
    // After a complete file both do nothing. Otherwise the encoder asks for the next batch, gets
    // the end of the stream, fails to write and frees what it holds.
    feed.stop();
    await reader?.cancel().catch(ignoreLateFailure);
  }
}

interface Feed {
  readonly stream: ReadableStream<RecordBatch>;
  /** Set when the batches threw: the encoder would close the file as if that were its end. */
  failure: { error: unknown } | undefined;
  /** A number that changes with every step; undefined while a batch is being made. */
  activity(): number | undefined;
  stop(): void;
}

function createFeed(batches: AsyncIterator<Uint8Array>): Feed {
  let steps = 0;
  let isMaking = false;
  let isStopped = false;
  const feed: Feed = {
    failure: undefined,
    activity: () => (isMaking ? undefined : steps),
    stop: () => {
      isStopped = true;
    },
    stream: new ReadableStream<RecordBatch>(
      {
        async pull(controller) {
          isMaking = true;
          try {
            const next = isStopped ? { done: true as const } : await batches.next();
            if (isStopped || next.done) controller.close();
            else controller.enqueue(recordBatch(next.value));
          } catch (error) {
            feed.failure = { error };
            controller.close();
          } finally {
            steps++;
            isMaking = false;
          }
        },
      },
      // Nothing is made before it is asked for, so that nothing waits in a queue to be freed.
      { highWaterMark: 0 },
    ),
  };
  return feed;
}

/** The batch belongs to the encoder as soon as it is handed over. */
function recordBatch(ipc: Uint8Array): RecordBatch {
  let batch: RecordBatch | undefined;
  try {
    const table = ParquetTable.fromIPCStream(ipc);
    batch = table.recordBatch(0);
    // The batch holds its columns by itself; without this every table leaks 28 bytes a row.
    table.free();
  } catch (error) {
    throw encoderFailure(error);
  }
  if (!batch) throw new Failure('internal', 'parquet encoder was given an ipc stream without rows');
  return batch;
}

/**
 * What `work` answers, or `internal` when the encoder has been idle for `idleTurnsMax` turns: a
 * panic inside it is thrown to nobody, and the promise would never settle. `activity` is undefined
 * while the other side works.
 */
export async function answerOrStall<T>(
  work: Promise<T>,
  activity: () => number | undefined,
  yieldTurn: () => Promise<void>,
): Promise<T> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  work.then(settle, settle);
  const stall = async (): Promise<never> => {
    let last = activity();
    for (let idleTurns = 0; idleTurns < idleTurnsMax && !isSettled; idleTurns++) {
      await yieldTurn();
      const now = activity();
      if (now === undefined || now !== last) idleTurns = 0;
      last = now;
    }
    if (isSettled) return (await work) as never;
    throw new Failure('internal', `parquet encoder gave no answer for ${idleTurnsMax} turns`);
  };
  return await Promise.race([work, stall()]);
}

/** What broke the stream has been thrown already; cancelling it again only repeats that. */
function ignoreLateFailure(): undefined {
  return undefined;
}

function encoderFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure('internal', `parquet encoder failed: ${messageOf(error)}`, { cause: error });
}
