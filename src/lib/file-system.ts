// The seam to a local disk. Types only: the part of `node:fs/promises` that the log and the
// filesystem bucket use, in node's own shapes, so that node's module fits without a wrapper and a
// test can put a disk that loses power in its place. Every call rejects with an Error whose `code`
// is that of the system (`ENOENT`, `EIO`, `ENOSPC`).

/** One open file or folder. Reads and writes may be short; `position` counts from the start. */
export interface FileHandle {
  /** Without a position: at the file's own, which moves. */
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position?: number | null,
  ): Promise<{ bytesWritten: number }>;
  /** 0 bytes read: the end of the file. */
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position?: number | null,
  ): Promise<{ bytesRead: number }>;
  /** Contents and attributes; of a folder, the names in it. */
  sync(): Promise<void>;
  /** Contents, and of the attributes only what reading them back needs. */
  datasync(): Promise<void>;
  stat(): Promise<FileStat>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

export interface FileStat {
  size: number;
  mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

export interface FolderItem {
  name: string;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** Room of a file system in blocks of `bsize` bytes. */
export interface FileSystemStat {
  bsize: number;
  blocks: number;
  /** Blocks that an ordinary process may still take. */
  bavail: number;
}

export interface FileSystem {
  /** `r` read, `r+` and write, `w` write anew, `wx` write and refuse what exists; `+`: and read. */
  open(path: string, flags: string): Promise<FileHandle>;
  /** With `recursive`: answers the first folder made, undefined when all were there. */
  mkdir(path: string, options?: { recursive?: boolean }): Promise<string | undefined>;
  /** An empty folder. */
  rmdir(path: string): Promise<void>;
  rm(path: string, options?: { recursive?: boolean; force?: boolean }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  link(existing: string, made: string): Promise<void>;
  unlink(path: string): Promise<void>;
  readdir(path: string, options: { withFileTypes: true }): Promise<FolderItem[]>;
  stat(path: string): Promise<FileStat>;
  statfs(path: string): Promise<FileSystemStat>;
}
