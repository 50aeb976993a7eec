// What a data folder knows of its blocks in the bucket: the record that the shipper keeps beside
// them, added up while the blocks are walked. Asks no bucket.
import type { BlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure } from '../errors.ts';
import { ShippedTimes } from '../shipper/shipped-times.ts';
import { parseShipperFile, type ShipperFile } from '../shipper/shipper-file.ts';
import type { BlocksFolder } from './blocks.ts';
import type { Shipped } from './inspect-report.ts';

/** The blocks of one folder. */
export class ShippedBlocks {
  readonly #file: ShipperFile;
  readonly #uploaded: ReadonlySet<string>;
  readonly #times = new ShippedTimes();
  #blocks = 0;

  constructor(file: ShipperFile) {
    this.#file = file;
    this.#uploaded = new Set(file.uploaded);
  }

  /** Undefined without a record, or with one that cannot be read: the server makes it anew. */
  static async open(
    bucket: Bucket,
    { shipperFile }: BlocksFolder,
  ): Promise<ShippedBlocks | undefined> {
    if (shipperFile === undefined) return undefined;
    try {
      return new ShippedBlocks(parseShipperFile(await bucket.get(shipperFile)));
    } catch (error) {
      if (!isFailure(error, 'missing') && !isFailure(error, 'corrupt')) throw error;
      return undefined;
    }
  }

  add(meta: BlockMeta): void {
    const isUploaded = this.#uploaded.has(meta.ulid);
    if (isUploaded) this.#blocks += 1;
    this.#times.add(meta, isUploaded);
  }

  get sum(): Shipped {
    return { bucket: this.#file.bucket, blocks: this.#blocks, ...this.#times.timestamps };
  }
}
