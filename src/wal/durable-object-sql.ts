// What SQLite takes and gives in a Durable Object.

export type SqlValue = string | number | null | ArrayBuffer | Uint8Array;
export type SqlRow = Record<string, SqlValue>;

/** Answers all rows of a statement. */
export type RunSql = (query: string, ...values: SqlValue[]) => SqlRow[];
