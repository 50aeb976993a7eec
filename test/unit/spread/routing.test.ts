// Where profiles go, and which regions there are.
import { describe, expect, it } from 'vitest';
import { regionOf, regions } from '../../../src/spread/regions.ts';
import {
  type Spreading,
  shardNames,
  shardOf,
  shardsOf,
  splitShardName,
  spreadingOf,
} from '../../../src/spread/routing.ts';

const labelsOf = (service: string, pod = 'a') => [
  { name: 'pod', value: pod },
  { name: 'service_name', value: service },
];
const services = Array.from({ length: 1_000 }, (_, i) => labelsOf(`service-${i}`));
const placesOf = (spreading: Spreading) =>
  services.map((labels) => shardOf('shop', spreading, labels, undefined));

describe('a routing', () => {
  it('names a home and its shards', () => {
    expect(shardNames('shop', { shards: 3, key: 'series' })).toEqual(['shop', 'shop/1', 'shop/2']);
    const byRegion = shardNames('shop', spreadingOf({ shards: 3, shardBy: 'region' }));
    expect(byRegion).toEqual(['shop', ...regions.map((region) => `shop/${region}`)]);
    expect(splitShardName('shop/weur')).toEqual({ tenant: 'shop', suffix: 'weur' });
    expect(splitShardName('shop')).toEqual({ tenant: 'shop', suffix: '' });
  });

  it('is the same for one shard, whatever it is by', () => {
    const one = spreadingOf({ shards: 1, shardBy: 'service' });
    expect(spreadingOf({ shards: 1, shardBy: 'series' })).toEqual(one);
    expect(new Set(placesOf(one))).toEqual(new Set(['shop']));
  });

  it.each([2, 4, 32])('gives each of %d shards about the same', (shards) => {
    const counts = new Map<string, number>();
    for (const place of placesOf({ shards, key: 'service' })) {
      counts.set(place, (counts.get(place) ?? 0) + 1);
    }
    expect(counts.size).toBe(shards);
    // Five times the deviation of a fair choice.
    const fair = services.length / shards;
    for (const count of counts.values()) {
      expect(Math.abs(count - fair)).toBeLessThan(5 * Math.sqrt(fair));
    }
  });

  it('moves only what goes to the new shard', () => {
    const four = placesOf({ shards: 4, key: 'series' });
    const five = placesOf({ shards: 5, key: 'series' });
    const moved = five.filter((place, i) => place !== four[i]);
    expect(new Set(moved)).toEqual(new Set(['shop/4']));
    expect(moved.length).toBeLessThan(services.length / 3);
  });

  it('keeps a service together, or parts its series', () => {
    const pods = Array.from({ length: 50 }, (_, i) => labelsOf('cart', `pod-${i}`));
    const places = (key: Spreading['key']) =>
      new Set(pods.map((labels) => shardOf('shop', { shards: 4, key }, labels, 'weur')));
    expect(places('service').size).toBe(1);
    expect(places('series').size).toBe(4);
    expect(places('region')).toEqual(new Set(['shop/weur']));
  });

  it('tells where a profile may have gone, which is anywhere by region', () => {
    const labels = labelsOf('cart');
    const spreading: Spreading = { shards: 4, key: 'series' };
    expect(shardsOf('shop', spreading, labels)).toEqual([
      shardOf('shop', spreading, labels, undefined),
    ]);
    const byRegion: Spreading = { shards: 10, key: 'region' };
    expect(shardsOf('shop', byRegion, labels)).toHaveLength(10);
    expect(shardOf('shop', byRegion, labels, undefined)).toBe('shop');
  });
});

it.each([
  [{ continent: 'NA', longitude: '-122.4' }, 'wnam'],
  [{ continent: 'NA', longitude: '-74.0' }, 'enam'],
  [{ continent: 'EU', longitude: '2.35' }, 'weur'],
  [{ continent: 'EU', longitude: '21.01' }, 'eeur'],
  [{ continent: 'EU' }, 'weur'],
  [{ continent: 'AS', longitude: '55.3' }, 'me'],
  [{ continent: 'AS', longitude: '139.7' }, 'apac'],
  [{ continent: 'AS' }, 'apac'],
  [{ continent: 'SA' }, 'sam'],
  [{ continent: 'AF' }, 'afr'],
  [{ continent: 'OC' }, 'oc'],
  [{ continent: 'AN' }, 'oc'],
  [{ continent: 'T1' }, undefined],
  [{}, undefined],
])('places %j', (origin, region) => {
  expect(regionOf(origin)).toBe(region);
});
