// Uploads that are pprof already: the profile among form fields or alone, its name, and the repairs
// that its client needs. Owns which repair is due; a profile that needs none is stored as it came.
import { ingestLabels } from '../convert/ingest-name.ts';
import { outlinePprof, type PprofEdits, type PprofOutline } from '../convert/pprof-edit.ts';
import { type DisplayNames, parseDisplayNames, profileName } from '../convert/pprof-name.ts';
import { Failure } from '../errors.ts';
import type { PushedProfile } from '../ingester/contract.ts';
import { inflateBody } from '../ingester/prepare.ts';
import { filePart, multipartBoundary, parseMultipart, startsMultipart } from '../lib/multipart.ts';
import type { Steps } from '../lib/steps.ts';
import { labelNames } from '../model/labels.ts';
import type { Platform } from '../platform.ts';
import { jfrRefusal } from './ingest-jfr.ts';
import { type IngestRequest, plausibleNs } from './ingest-request.ts';

/** Their profilers put the file of a function beside its name: two files may have one name. */
const scriptingSpies = new Set(['pyspy', 'rbspy', 'scripting']);

export interface IngestContext {
  profileBytesMax: number;
  gunzip: Platform['gunzip'];
}

/** The profile of a body; none when it has no samples. Throws `invalid`. */
export function* pprofProfiles(
  request: IngestRequest,
  body: Uint8Array,
  context: IngestContext,
): Steps<PushedProfile[]> {
  const { profile, shown } = yield* partsOf(request, body);
  const inflated = inflateBody(profile, context.profileBytesMax, context.gunzip);
  const outline = yield* outlinePprof(inflated);
  if (outline.sampleCount === 0) return [];
  const edits = editsFor(request, outline, shown);
  const edited = yield* outline.edited(edits, context.profileBytesMax);
  const rename = edits.renameType ?? ((type: string) => type);
  const types = outline.sampleTypes.map((type) => rename(type) ?? type);
  const labels = ingestLabels(request.labels, {
    service: request.app,
    set: { [labelNames.name]: profileName(types, shown), pyroscope_spy: request.spyName },
  });
  // As it came it may be gzip, which the log keeps.
  return [{ labels, body: edited === inflated ? profile : edited }];
}

/** A part without a file name is a plain field, whatever it is called. */
function* partsOf(
  { format, contentType }: IngestRequest,
  body: Uint8Array,
): Steps<{ profile: Uint8Array; shown: DisplayNames | undefined }> {
  const boundary = multipartBoundary(contentType);
  const isForm = boundary !== undefined && startsMultipart(body, boundary);
  // No pprof begins as a boundary does, so that a form that calls itself pprof is read as well.
  if (format === 'pprof' && !isForm) return { profile: body, shown: undefined };
  const parts = yield* parseMultipart(body, boundary ?? '');
  if (filePart(parts, 'jfr') !== undefined) throw jfrRefusal();
  if (filePart(parts, 'prev_profile') !== undefined) {
    throw invalid('prev_profile is not supported: this client is too old, use a newer one');
  }
  const profile = filePart(parts, 'profile');
  if (profile === undefined) {
    const isField = parts.some(({ name }) => name === 'profile');
    throw invalid(isField ? 'profile is empty or no file part' : 'there is no file part "profile"');
  }
  const config = filePart(parts, 'sample_type_config');
  return { profile, shown: config && parseDisplayNames(config) };
}

function editsFor(
  { spyName, fromNs }: IngestRequest,
  outline: PprofOutline,
  shown: DisplayNames | undefined,
): PprofEdits {
  // Some clients write microseconds or milliseconds, which is a day of 1970.
  const timeNs = outline.timeNs < plausibleNs ? fromNs : undefined;
  const isDotnet = spyName === 'dotnetspy' || (spyName === 'unknown' && shown?.has('inuse-space'));
  return {
    ...(timeNs !== undefined && { timeNs }),
    ...(isDotnet && { renameType: withoutDashes, numberFunctions: outline.isUnnumbered }),
    ...(scriptingSpies.has(spyName) && { renameFunction: withFile(spyName) }),
  };
}

/** The dash is not allowed in the parts of a profile type. */
function withoutDashes(type: string): string | undefined {
  return type.includes('-') ? type.replaceAll('-', '_') : undefined;
}

function withFile(spyName: string): (name: string, filename: string) => string | undefined {
  return (name, filename) => {
    // An absolute path tells about the machine rather than the code.
    const isLeft = filename === '' || (spyName === 'pyspy' && filename.startsWith('/'));
    return isLeft ? undefined : `${filename} ${name}`;
  };
}

function invalid(message: string): Failure {
  return new Failure('invalid', message, { reason: 'malformed_profile' });
}
