// Bodies as SDKs send them to `/ingest`: multipart forms written by hand, so that a part can be
// wrong in every way.

export interface FormPart {
  name: string;
  /** Undefined: a plain field. */
  filename?: string;
  content: Uint8Array | string;
}

const encoder = new TextEncoder();

/** The body of a form. */
export function formBody(parts: readonly FormPart[], boundary = 'xyz'): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  for (const { name, filename, content } of parts) {
    const file = filename === undefined ? '' : `; filename="${filename}"`;
    const type = filename === undefined ? '' : 'Content-Type: application/octet-stream\r\n';
    const disposition = `Content-Disposition: form-data; name="${name}"${file}`;
    const head = `--${boundary}\r\n${disposition}\r\n${type}\r\n`;
    const bytes = typeof content === 'string' ? encoder.encode(content) : content;
    pieces.push(encoder.encode(head), bytes, encoder.encode('\r\n'));
  }
  pieces.push(encoder.encode(`--${boundary}--\r\n`));
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** A request with a form of file parts by name. */
export function formUpload(files: Record<string, Uint8Array | string>): {
  method: string;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
} {
  const parts = Object.entries(files).map(([name, content]) => ({
    name,
    filename: `${name}.bin`,
    content,
  }));
  return {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=xyz' },
    body: formBody(parts),
  };
}
