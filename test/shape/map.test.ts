/** The maps name files; a file that has moved must not leave its old name behind. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const files = globSync('{src,test}/**/*.{ts,tsx}', { cwd: ROOT });

/** `turn/states.ts` is named from `src`, `states.ts` from wherever it is read. */
const exists = (name: string): boolean =>
  name.includes('/')
    ? files.includes(name) || files.includes(`src/${name}`) || files.includes(`test/${name}`)
    : files.some((file) => basename(file) === name);

const maps = globSync('{src,test}/**/README.md', { cwd: ROOT });

test.each(['CONTRIBUTING.md', ...maps])('every file that %s names is there', (map) => {
  const text = readFileSync(join(ROOT, map), 'utf8');
  const named = [...text.matchAll(/`((?:[\w-]+\/)*[\w.-]+\.tsx?)`/g)].map(([, name = '']) => name);
  const here = map.split('/').slice(0, -1).join('/');
  expect(named.filter((name) => !exists(name) && !files.includes(`${here}/${name}`))).toEqual([]);
});

test('comments name files that are there', () => {
  const wrong = files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const comments = [...text.matchAll(/(?:\/\*\*?|^ \*|\/\/).*/gm)].map(([line]) => line).join('\n');
    return [...comments.matchAll(/(?<![\w/.-])((?:[\w-]+\/)*[a-z][\w-]*\.tsx?)\b/g)]
      .map(([, name = '']) => name)
      .filter((name) => !exists(name))
      .map((name) => `${file}: ${name}`);
  });
  expect(wrong).toEqual([]);
});
