// An S3 server for tests in a process of its own: s3rver for HTTP, XML and signatures, with a
// store in memory underneath and the answers that s3rver gets wrong given here: suffix ranges,
// conditional puts, pages of a listing, aborted multipart uploads. Listens on 127.0.0.1 only, says
// `{"port":N}` on its standard output, and ends when its standard input does.
const { Readable } = require('node:stream');
const { createHash } = require('node:crypto');
const { setTimeout: sleep } = require('node:timers/promises');
const S3rver = require('s3rver');
const S3Error = require('s3rver/lib/models/error');
const S3Object = require('s3rver/lib/models/object');
const S3Bucket = require('s3rver/lib/models/bucket');

const md5Of = (bytes) => createHash('md5').update(bytes).digest('hex');

/** Reads a request body to its announced end: a connection that breaks stores nothing. */
async function readBody(stream, announced) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (announced !== undefined && bytes.length !== Number(announced)) {
    throw new S3Error('IncompleteBody', 'The body is shorter than it was announced');
  }
  return bytes;
}

/** What s3rver asks of a store; every change is made in one step. */
class MemoryStore {
  buckets = new Map();
  uploads = new Map();

  reset() {
    this.buckets.clear();
    this.uploads.clear();
  }
  async listBuckets() {
    return [...this.buckets.keys()].map((name) => new S3Bucket(name, new Date(0)));
  }
  async getBucket(name) {
    return this.buckets.has(name) ? new S3Bucket(name, new Date(0)) : null;
  }
  async putBucket(name) {
    if (!this.buckets.has(name)) this.buckets.set(name, new Map());
    return this.getBucket(name);
  }
  async deleteBucket(name) {
    this.buckets.delete(name);
  }
  async existsObject(bucket, key) {
    return this.buckets.get(bucket).has(key);
  }
  async getObject(bucket, key, options = {}) {
    const stored = this.buckets.get(bucket).get(key);
    if (stored === undefined) return null;
    const metadata = {
      ...stored.metadata,
      etag: JSON.stringify(stored.md5),
      'last-modified': stored.modified.toUTCString(),
      'content-length': stored.bytes.length,
    };
    const isRange = options.start !== undefined;
    const start = options.start ?? 0;
    const end = Math.min(options.end ?? Number.POSITIVE_INFINITY, stored.bytes.length - 1);
    const isEmpty = isRange && end < start;
    const content = isEmpty ? null : Readable.from([stored.bytes.subarray(start, end + 1)]);
    const object = new S3Object(bucket, key, content, metadata);
    if (isRange) object.range = { start, end };
    return object;
  }
  async putObject({ bucket, key, content, metadata }, announced, isRefused = () => false) {
    const bytes = Buffer.isBuffer(content) ? content : await readBody(content, announced);
    if (isRefused()) throw new S3Error('PreconditionFailed', 'The object is there already');
    const md5 = md5Of(bytes);
    this.buckets.get(bucket).set(key, { bytes, md5, metadata, modified: new Date() });
    return { size: bytes.length, md5 };
  }
  async deleteObject(bucket, key) {
    this.buckets.get(bucket).delete(key);
  }
  async initiateUpload(bucket, key, uploadId, metadata) {
    this.uploads.set(uploadId, { bucket, key, metadata, parts: new Map() });
  }
  async putPart(_bucket, uploadId, partNumber, content) {
    const bytes = await readBody(content, content.headers['content-length']);
    this.upload(uploadId).parts.set(Number(partNumber), bytes);
    return { size: bytes.length, md5: md5Of(bytes) };
  }
  async putObjectMultipart(_bucket, uploadId, parts) {
    const { bucket, key, metadata, parts: stored } = this.upload(uploadId);
    const bodies = parts.map(({ number, etag }) => {
      const bytes = stored.get(number);
      if (bytes !== undefined && md5Of(bytes) === etag) return bytes;
      throw new S3Error('InvalidPart', `Part ${number} is not there`);
    });
    this.uploads.delete(uploadId);
    const object = new S3Object(bucket, key, Buffer.concat(bodies), metadata);
    return this.putObject(object);
  }
  async getSubresource() {
    return null;
  }
  upload(uploadId) {
    const upload = this.uploads.get(uploadId);
    if (upload === undefined) throw new S3Error('NoSuchUpload', 'There is no such upload');
    return upload;
  }
}

const escapeXml = (text) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
function listXml(objects, query) {
  const { prefix = '', delimiter = '', 'continuation-token': token } = query;
  const max = Math.min(1000, Number(query['max-keys'] ?? 1000));
  let last = token === undefined ? undefined : Buffer.from(token, 'base64');
  const keys = [...objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const items = [];
  let isTruncated = false;
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const item = end === -1 ? key : key.slice(0, end + delimiter.length);
    if (last !== undefined && Buffer.compare(Buffer.from(item), last) <= 0) continue;
    isTruncated = items.length === max;
    if (isTruncated) break;
    last = Buffer.from(item);
    items.push(end === -1 ? contentXml(key, objects.get(key)) : prefixXml(item));
  }
  const next = isTruncated
    ? `<NextContinuationToken>${last.toString('base64')}</NextContinuationToken>`
    : '';
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<IsTruncated>${isTruncated}</IsTruncated><KeyCount>${items.length}</KeyCount>${next}`,
    ...items,
    '</ListBucketResult>',
  ].join('');
}

const prefixXml = (prefix) =>
  `<CommonPrefixes><Prefix>${escapeXml(prefix)}</Prefix></CommonPrefixes>`;
const contentXml = (key, { bytes, md5, modified }) =>
  `<Contents><Key>${escapeXml(key)}</Key><Size>${bytes.length}</Size>` +
  `<ETag>&#34;${md5}&#34;</ETag><LastModified>${modified.toISOString()}</LastModified></Contents>`;

/** Turns `bytes=-N` into the range s3rver understands. */
function fixSuffixRange(ctx, stored) {
  const match = /^bytes=-(\d+)$/.exec(ctx.get('range'));
  if (match === null || stored === undefined) return;
  const { length } = stored.bytes;
  const start = Math.max(0, length - Number(match[1]));
  ctx.req.headers.range = `bytes=${start}-${Math.max(start, length - 1)}`;
}

/**
 * What the test asked for at `/-/fault`: the next `count` requests of a method whose URL contains
 * `includes` are answered with `status` and `code`, never (`hang`), or half: then the connection
 * breaks (`cut`) or stays silent (`stall`).
 */
const faults = [];

function takeFault(ctx) {
  const index = faults.findIndex(
    (fault) => fault.method === ctx.method && decodeURIComponent(ctx.url).includes(fault.includes),
  );
  if (index === -1) return undefined;
  const fault = faults[index];
  fault.count -= 1;
  if (fault.count === 0) faults.splice(index, 1);
  return fault;
}

async function answerFault(ctx, fault, next) {
  if (fault.kind === 'hang') {
    ctx.respond = false;
    return;
  }
  if (fault.kind === 'cut' || fault.kind === 'stall') {
    await next();
    ctx.respond = false;
    const bytes = Buffer.concat(await ctx.body.toArray());
    ctx.res.writeHead(ctx.status, { 'content-length': bytes.length });
    ctx.res.write(bytes.subarray(0, bytes.length >> 1), () => {
      if (fault.kind === 'cut') ctx.res.destroy();
    });
    return;
  }
  if (fault.isLate) await next();
  else ctx.req.resume();
  ctx.status = fault.status;
  ctx.type = 'application/xml';
  const error = `<Code>${fault.code}</Code><Message>as asked</Message>`;
  ctx.body = `<?xml version="1.0"?><Error>${error}</Error>`;
}

/** Milliseconds that every GET is answered later, as of a store on the network; see `/-/delay`. */
let getDelayMs = 0;

async function control(ctx, store) {
  if (ctx.path === '/-/fault') {
    faults.push({ includes: '', count: 1, ...JSON.parse(await readBody(ctx.req)) });
    ctx.body = '{}';
  } else if (ctx.path === '/-/delay') {
    getDelayMs = JSON.parse(await readBody(ctx.req)).getMs;
    ctx.body = '{}';
  } else if (ctx.path === '/-/uploads') {
    ctx.body = JSON.stringify([...store.uploads.values()].map(({ key }) => key));
  } else {
    ctx.status = 404;
  }
}

/** Answers what s3rver would get wrong, and leaves it the rest. */
async function route(ctx, next, store) {
  const [, bucket = '', rawKey = ''] = /^\/([^/]*)\/?(.*)$/.exec(ctx.path);
  const objects = store.buckets.get(bucket);
  if (objects === undefined) return next();
  const key = decodeURIComponent(rawKey);
  if (ctx.method === 'GET' && rawKey === '' && ctx.query['list-type'] === '2') {
    ctx.type = 'application/xml';
    ctx.body = listXml(objects, ctx.query);
  } else if (ctx.method === 'DELETE' && ctx.query.uploadId !== undefined) {
    store.uploads.delete(ctx.query.uploadId);
    ctx.status = 204;
  } else if (ctx.method === 'PUT' && ctx.query.partNumber === undefined && rawKey !== '') {
    const isRefused = () => ctx.get('if-none-match') === '*' && objects.has(key);
    const object = new S3Object(bucket, key, ctx.req, ctx.headers);
    const { md5 } = await store.putObject(object, ctx.get('content-length'), isRefused);
    ctx.etag = md5;
    ctx.body = '';
  } else {
    if (ctx.method === 'GET') fixSuffixRange(ctx, objects.get(key));
    await next();
  }
}

function createServer() {
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    allowMismatchedSignatures: true,
    vhostBuckets: false,
  });
  const store = new MemoryStore();
  server.store = store;
  server.context.store = store;
  server.middleware.unshift(async (ctx, next) => {
    if (ctx.path.startsWith('/-/')) return control(ctx, store);
    if (getDelayMs > 0 && ctx.method === 'GET') await sleep(getDelayMs);
    const fault = takeFault(ctx);
    const answer = () => route(ctx, next, store);
    return fault === undefined ? answer() : answerFault(ctx, fault, answer);
  });
  return server;
}

const server = createServer();
server
  .run()
  .then(async ({ port }) => {
    for (const name of process.argv.slice(2)) await server.store.putBucket(name);
    process.stdout.write(`${JSON.stringify({ port })}\n`);
  })
  .catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
