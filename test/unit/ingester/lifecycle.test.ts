// The states of a service and the first failure.
import { describe, expect, it } from 'vitest';
import { Lifecycle } from '../../../src/ingester/lifecycle.ts';

describe('Lifecycle', () => {
  it('goes from New to Terminated in order', () => {
    const life = new Lifecycle();
    for (const state of ['Starting', 'Running', 'Stopping', 'Terminated'] as const) {
      life.enter(state);
      expect(life.state).toBe(state);
    }
  });

  it('refuses a step that does not follow', () => {
    const life = new Lifecycle();
    expect(() => life.enter('Running')).toThrow('New is not followed by Running');
  });

  it('keeps the first failure and names its part', () => {
    const life = new Lifecycle();
    life.enter('Starting');
    life.fail('log', new Error('disk is\ngone'));
    life.fail('shipper', new Error('later'));
    expect(life.state).toBe('Failed');
    expect(life.failure).toBe('log: disk is gone');
  });
});
