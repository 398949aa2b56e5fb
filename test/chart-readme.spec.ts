// The README of the chart against its values.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { CHART } from './helm/chart.js';

const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, unknown>;
const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
const keys = Object.entries(values).flatMap(([key, value]) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
    ? Object.keys(value).map((inner) => `${key}.${inner}`)
    : [key],
);

it('the documentation of the chart has a row for every key', () => {
  expect(keys.filter((key) => !readme.includes(`| \`${key}\` |`) && !readme.includes(`| \`${key}.`))).toEqual([]);
});
