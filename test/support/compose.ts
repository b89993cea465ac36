/**
 * Reads a compose file: the YAML of nested maps, lists and plain values that ours is written in, nothing more.
 * What it does not understand it refuses, so that a check never passes over a line.
 */
export type Yaml = string | readonly Yaml[] | { readonly [name: string]: Yaml };

export interface Service {
  readonly [name: string]: Yaml | undefined;
}

interface Line {
  readonly indent: number;
  readonly text: string;
}

export function readCompose(text: string): { readonly [name: string]: Yaml } {
  const lines = text
    .split('\n')
    .map((line) => ({ indent: line.search(/\S/), text: line.trim().replace(/\s+#.*$/, '') }))
    .filter(({ text: words }) => words !== '' && !words.startsWith('#'));
  return readMap(lines, 0);
}

/** Every line is taken from the front of `lines`; a block ends where the indent shrinks. */
function readMap(lines: Line[], indent: number): { readonly [name: string]: Yaml } {
  const map: Record<string, Yaml> = {};
  while (lines[0]?.indent === indent) {
    const line = lines.shift()?.text ?? '';
    const [, name, value] = /^([\w./-]+):(?: (.+))?$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`this is not a line of a map: ${line}`);
    map[name] = value === undefined ? readBlock(lines, indent) : scalar(value);
  }
  return map;
}

function readBlock(lines: Line[], outer: number): Yaml {
  const [next] = lines;
  if (next === undefined || next.indent <= outer) return '';
  return next.text.startsWith('- ') ? readList(lines, next.indent) : readMap(lines, next.indent);
}

function readList(lines: Line[], indent: number): readonly Yaml[] {
  const list: Yaml[] = [];
  while (lines[0]?.indent === indent) {
    const text = (lines.shift()?.text ?? '').slice(2);
    if (!/^\w+: /.test(text)) list.push(scalar(text));
    else {
      lines.unshift({ indent: indent + 2, text });
      list.push(readMap(lines, indent + 2));
    }
  }
  return list;
}

function scalar(text: string): Yaml {
  const flow = /^\[(.*)\]$/.exec(text)?.[1];
  if (flow !== undefined) return flow.split(/, */);
  return text.replaceAll(/^(["'])(.*)\1$/g, '$2');
}

export function serviceOf(compose: { readonly [name: string]: Yaml }, name: string): Service {
  const service = (compose['services'] as { readonly [name: string]: Service })[name];
  if (service === undefined) throw new Error(`there is no service ${name}`);
  return service;
}

/** `40s` or `1m` as compose writes it. */
export function durationMs(text: Yaml | undefined): number {
  const [, count, unit] = /^(\d+)(s|m)$/.exec(String(text)) ?? [];
  return Number(count) * (unit === 'm' ? 60_000 : 1000);
}

/** The plain values of a list; a service that has none has an empty one. */
export function list(value: Yaml | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
