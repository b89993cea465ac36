import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Metrics } from '../../src/observability/metrics.ts';

const DOCKER = join(import.meta.dirname, '../../docker');
const read = (name: string): string => readFileSync(join(DOCKER, name), 'utf8');

async function exposed(): Promise<ReadonlySet<string>> {
  const metrics = new Metrics('1', () => ({
    activeTurns: 0,
    sessions: 0,
    connections: { ws: 0, http: 0 },
    writer: { pending: 0, dropped: 0 },
    accounts: [],
  }));
  const text = await metrics.text();
  metrics.stop();
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    names.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

test.each(['grafana/respool.json', 'prometheus/alerts.yml'])(
  '%s asks for figures that exist',
  async (file) => {
    const known = await exposed();
    const asked = new Set(read(file).match(/respool_\w+/g));
    expect(asked.size).toBeGreaterThan(5);
    expect([...asked].filter((name) => !known.has(name))).toEqual([]);
  },
);

test('every figure has its place on the dashboard', async () => {
  const shown = read('grafana/respool.json');
  const families = [...(await exposed())].map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  expect(families.filter((name) => !shown.includes(name))).toEqual([]);
});

test('the compose file mounts files that are there', () => {
  const mounted = [...read('compose.yaml').matchAll(/^ +- \.\/([^:]+):/gm)].map(([, path = '']) => path);
  expect(mounted.length).toBeGreaterThan(3);
  expect(mounted.filter((path) => !existsSync(join(DOCKER, path)))).toEqual([]);
});
