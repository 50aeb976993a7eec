// From the requests of the contract to plans that sources understand. Owns the order of the
// checks, which decides what a request that breaks several rules is told, and the number of nodes.
import { Failure } from '../errors.ts';
import { labelNames } from '../model/labels.ts';
import { createMatcher, parseSelector, type Selector } from '../model/matcher.ts';
import { type ProfileType, parseProfileType } from '../model/profile-type.ts';
import type { SampleFilter } from '../model/source.ts';
import type { MsRange, SelectRequest, SeriesRequest, StacktracesRequest } from './contract.ts';
import type { QueryLimits } from './limits.ts';
import { validateRange } from './range.ts';
import { parseSampleSelectors, validateCallSite } from './sample-filter.ts';

export interface SelectPlan {
  /** Clamped to the lookback. */
  range: MsRange;
  /** Its id has five parts. */
  profileType: ProfileType;
  /** Of the request, and the profile type. */
  selector: Selector;
}

export interface StacksPlan extends SelectPlan {
  filter: SampleFilter;
  /** About how many the answer may have: the request's number, or the default. */
  nodes: number;
}

/** What plans depend on besides the request. */
export interface Planning {
  limits: QueryLimits;
  nowMs: number;
}

/**
 * A plan for stacks, undefined when the range is older than the lookback. Nodes that are `any` are
 * neither bounded nor defaulted. Throws `invalid`.
 */
export function planStacks(
  request: StacktracesRequest,
  { limits, nowMs }: Planning,
  nodesRule: 'bounded' | 'any',
): StacksPlan | undefined {
  const range = validateRange(request.range, limits, nowMs);
  if (range === undefined) return undefined;
  if (nodesRule === 'bounded') validateNodes(request.maxNodes, limits);
  const profileType = validateProfileType(request.profileType);
  const selector = selectorOf(request, profileType);
  const filter = parseSampleSelectors(request.samples);
  const nodes = request.maxNodes || (nodesRule === 'bounded' ? limits.nodesDefault : 0);
  return { range, profileType, selector, filter, nodes };
}

/** As `planStacks`, for a time series. */
export function planSeries(
  request: SeriesRequest,
  { limits, nowMs }: Planning,
): SelectPlan | undefined {
  const range = validateRange(request.range, limits, nowMs);
  if (range === undefined) return undefined;
  const profileType = validateProfileType(request.profileType);
  validateStep(request.stepMs, range, limits);
  const selector = selectorOf(request, profileType);
  validateCallSite(request.callSite ?? []);
  return { range, profileType, selector };
}

function validateNodes(maxNodes: number | undefined, { nodesMax }: QueryLimits): void {
  if (maxNodes === undefined || maxNodes === 0) return;
  if (!Number.isSafeInteger(maxNodes) || maxNodes < 0) {
    throw new Failure('invalid', `max nodes is ${maxNodes}, want a whole number from 0`);
  }
  if (nodesMax > 0 && maxNodes > nodesMax) {
    const message = `max nodes is ${maxNodes}, flame graph nodes limit ${nodesMax}`;
    throw new Failure('invalid', message, { reason: 'flamegraph_limit' });
  }
}

function validateProfileType(id: string): ProfileType {
  const parsed = parseProfileType(id);
  if (parsed === undefined) {
    const count = id.split(':').length;
    const shown = JSON.stringify(id.length > 200 ? `${id.slice(0, 200)}…` : id);
    throw new Failure(
      'invalid',
      `profile type ${shown} has ${count} parts, want 5 or 6: ` +
        'name:sample_type:sample_unit:period_type:period_unit[:delta]',
    );
  }
  const { name, sampleType, sampleUnit, periodType, periodUnit } = parsed;
  return { ...parsed, id: [name, sampleType, sampleUnit, periodType, periodUnit].join(':') };
}

function validateStep(stepMs: number, range: MsRange, { seriesPointsMax }: QueryLimits): void {
  if (!Number.isSafeInteger(stepMs) || stepMs < 1) {
    throw new Failure('invalid', `step is ${stepMs} ms, want a whole number from 1`);
  }
  const points = slotCount(range, stepMs);
  if (seriesPointsMax > 0 && points > seriesPointsMax) {
    const made = `step of ${stepMs} ms makes ${points} points`;
    throw new Failure('invalid', `${made}, series points limit ${seriesPointsMax}`, {
      reason: 'query_limit',
    });
  }
}

/** Right edges `start`, `start + step`, … up to and including the end. */
export function slotCount({ startMs, endMs }: MsRange, stepMs: number): number {
  return Math.floor((endMs - startMs) / stepMs) + 1;
}

function selectorOf({ selector }: SelectRequest, profileType: ProfileType): Selector {
  if (selector.trim() === '') {
    throw new Failure('invalid', 'selector is empty, want {} for everything');
  }
  return [...parseSelector(selector), createMatcher(labelNames.profileType, '=', profileType.id)];
}
