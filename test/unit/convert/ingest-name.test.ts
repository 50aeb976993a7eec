// The grammar of `name`, and what it makes of labels.
import { expect, it } from 'vitest';
import { ingestLabels, parseIngestName } from '../../../src/convert/ingest-name.ts';

it.each<[string, string, Record<string, string>]>([
  ['shop', 'shop', {}],
  [' team-a/shop.backend_2 ', 'team-a/shop.backend_2', {}],
  ['shop{}', 'shop', {}],
  ['shop{a=1,b=2}', 'shop', { a: '1', b: '2' }],
  ['shop{ a = 1 , process.runtime.name =go }', 'shop', { a: '1', 'process.runtime.name': 'go' }],
  ['shop{a=x=y,b="q",c=,d={}', 'shop', { a: 'x=y', b: '"q"', c: '', d: '{' }],
  ['shop{a=1,a=2}', 'shop', { a: '2' }],
  ['shop{a=1,}', 'shop', { a: '1' }],
  ['shop{a=1}b=2,c', 'shop', { a: '1' }],
  ['shop{a=1,b=2', 'shop', { a: '1', b: '2' }],
  ['shop{__name__=x,__proto__=y}', 'shop', { ['__name__']: 'x', ['__proto__']: 'y' }],
])('reads %j', (text, app, labels) => {
  const name = parseIngestName(text);
  expect([name.app, [...name.labels]]).toEqual([app, Object.entries(labels)]);
});

it.each([
  ['', 'name: application ""'],
  ['{a=1}', 'name: application ""'],
  ['my shop', 'name: application "my shop"'],
  ['größe', 'name: application "größe"'],
  ['shop{a}', 'name: label "a" is not key=value'],
  ['shop{=1}', 'name: label "=1" is not key=value'],
  ['shop{a-b=1}', 'name: label "a-b=1" is not key=value'],
  ['shop{a b=1}', 'name: label "a b=1" is not key=value'],
])('refuses %j', (text, message) => {
  expect(() => parseIngestName(text)).toThrowError(message);
});

const none = { set: { __name__: 'memory' }, service: 'shop' };

it.each<[Record<string, string>, string | undefined, Record<string, string>]>([
  [{}, 'app_name', { __name__: 'memory', service_name: 'shop' }],
  [{ service_name: '' }, 'app_name', { __name__: 'memory', service_name: 'shop' }],
  [{ service_name: 'x' }, undefined, { __name__: 'memory', service_name: 'x' }],
  [
    { service_name: 'x', app_name: 'y' },
    'app_name',
    { __name__: 'memory', app_name: 'shop', service_name: 'x' },
  ],
  [
    { __name__: 'a', __type__: 'b', __session_id__: 'c' },
    undefined,
    { __name__: 'memory', __session_id__: 'c', service_name: 'shop' },
  ],
])('makes labels of %o with %o', (given, appName, expected) => {
  const options = { ...none, ...(appName !== undefined && { appName }) };
  const labels = ingestLabels(new Map(Object.entries(given)), options);
  expect(Object.fromEntries(labels.map(({ name, value }) => [name, value]))).toEqual(expected);
  expect(labels.length).toBe(Object.keys(expected).length);
});
