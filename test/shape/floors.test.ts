/** The house: who may import whom, and which folder a package lives in (CONTRIBUTING.md, "Floors"). */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

/** From the top down. A file imports from its own entry and from lower floors; those of one floor do not know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['main.ts'],
  ['cli', 'dashboard'],
  ['server'],
  ['http'],
  ['observability'],
  ['bridge'],
  ['accounts'],
  ['upstream'],
  ['turn'],
  ['protocol', 'store', 'simulator'],
  ['domain'],
  ['log.ts'],
  ['config.ts', 'log-lines.ts', 'admin-api'],
];

/** Entries that stand beside the floors: who may import them, or what alone they may import. */
const IMPORTED_BY: Readonly<Record<string, readonly string[]>> = {
  simulator: ['cli'],
  'log-lines.ts': ['log.ts'],
};
const IMPORTS_ONLY: Readonly<Record<string, readonly string[]>> = {
  dashboard: ['admin-api'],
  'admin-api': [],
};

/** The floors above and below are for everybody; a package that touches the outside is for these entries only. */
const HOMES: readonly (readonly [name: RegExp, homes: readonly string[]])[] = [
  [/^@?fastify(\/|$)/, ['http']],
  [/^ws$/, ['upstream', 'simulator']],
  [/^undici$/, ['upstream', 'cli', 'simulator']],
  [/^(drizzle-orm|better-sqlite3)(\/|$)/, ['store']],
  [/^commander$/, ['cli']],
  [/^prom-client$/, ['observability']],
];
const WITHOUT_NODE = ['turn', 'admin-api', 'domain'];

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = globSync('**/*.{ts,tsx}', { cwd: SRC }).filter(
  (file) => !/\.test\.tsx?$|(^|\/)vite\.config/.test(file),
);

function importsOf(file: string): readonly Import[] {
  const source = readFileSync(join(SRC, file), 'utf8');
  return [...source.matchAll(/(?:^|[\s;])(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, to = '']) => ({
    from: file,
    to: to.startsWith('.') ? join(dirname(file), to) : to,
  }));
}

const all = files.flatMap(importsOf);
const inside = all.filter(({ to }) => files.includes(to));
const packages = all.filter(({ to }) => !to.startsWith('.') && !files.includes(to) && !to.endsWith('.css'));

const entryOf = (file: string): string => file.split('/')[0] ?? file;
const floorOf = (entry: string): number => FLOORS.findIndex((floor) => floor.includes(entry));
const shown = ({ from, to }: Import): string => `${from} → ${to}`;

test('every file of src stands on a floor', () => {
  expect(files.map(entryOf).filter((entry) => floorOf(entry) < 0)).toEqual([]);
  expect(inside.length).toBeGreaterThan(files.length);
});

test('no import goes up, or across its floor', () => {
  const wrong = inside.filter(({ from, to }) => {
    const [above, below] = [entryOf(from), entryOf(to)];
    if (above === below) return false;
    if (IMPORTED_BY[below]?.includes(above)) return false;
    return floorOf(below) <= floorOf(above) || IMPORTED_BY[below] !== undefined;
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('what stands beside the house knows it by the named entries only', () => {
  const wrong = inside.filter(({ from, to }) => {
    const only = IMPORTS_ONLY[entryOf(from)];
    return only !== undefined && entryOf(from) !== entryOf(to) && !only.includes(entryOf(to));
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('a package that touches the outside is imported in its home', () => {
  const wrong = packages.filter(({ from, to }) => {
    if (/^node:/.test(to)) return WITHOUT_NODE.includes(entryOf(from)) || entryOf(from) === 'dashboard';
    return HOMES.some(([name, homes]) => name.test(to) && !homes.includes(entryOf(from)));
  });
  expect(wrong.map(shown)).toEqual([]);
});

test('no import leads back to its own file, types included', () => {
  const next = Map.groupBy(inside, ({ from }) => from);
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (path.includes(file) || done.has(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});
