// The package's edge: all that `import … from 'phlox'` offers, and a promise to its users. Inside
// `src` nothing imports this file.
export { createApp } from './app.ts';
export type { Bucket, ListPage, ObjectInfo, Stage } from './bucket/bucket.ts';
export { resolveSettings, type Settings, type SettingsInput } from './config/settings.ts';
export { Failure, type FailureKind, isFailure } from './errors.ts';
export type { Clock, EditedFile, Platform } from './platform.ts';
export { createServerPlatform } from './runtime/server-platform.ts';
export { version } from './version.ts';
export type { ProfileRecord, RecordHeader, StoredRecord, Wal } from './wal/wal.ts';
