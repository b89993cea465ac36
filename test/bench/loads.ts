/** Loads by name, for looking at one kind of turn: `profile.ts`, `versions.ts`. */
import type { Job } from './jobs.ts';
import { modelOf } from './wire.ts';

export interface NamedLoad {
  readonly speaks: 'http' | 'websocket';
  readonly per: 'turn' | 'event';
  job(base: string, key: string): Job;
}

const LOADS: Readonly<Record<string, NamedLoad>> = {
  json: {
    speaks: 'http',
    per: 'turn',
    job: (base, key) => ({ ...http(base, key, 5), answer: 'json', clients: 16, turnsEach: 300 }),
  },
  sse: {
    speaks: 'http',
    per: 'event',
    job: (base, key) => ({ ...http(base, key, 200, 1000), clients: 8, turnsEach: 150 }),
  },
  'sse-paced': {
    speaks: 'http',
    per: 'event',
    job: (base, key) => ({ ...http(base, key, 500, 400, 10), clients: 64, turnsEach: 1 }),
  },
  body: {
    speaks: 'http',
    per: 'turn',
    job: (base, key) => ({
      ...http(base, key, 5),
      answer: 'json',
      clients: 4,
      turnsEach: 60,
      bodyBytes: 1_000_000,
    }),
  },
  ws: {
    speaks: 'websocket',
    per: 'turn',
    job: (base, key) => ({ ...sockets(base, key, 5), clients: 16, turnsEach: 400 }),
  },
  'ws-paced': {
    speaks: 'websocket',
    per: 'event',
    job: (base, key) => ({ ...sockets(base, key, 500, 10), clients: 64, turnsEach: 1 }),
  },
};

function http(
  base: string,
  key: string,
  deltas: number,
  bytes = 400,
  paceMs = 0,
): Extract<Job, { do: 'http' }> {
  const model = modelOf({ deltas, bytes, paceMs, textBytes: 20 * deltas });
  return { do: 'http', base, key, model, answer: 'sse', clients: 1, turnsEach: 1 };
}

function sockets(base: string, key: string, deltas: number, paceMs = 0): Extract<Job, { do: 'sockets' }> {
  const model = modelOf({ deltas, bytes: 400, paceMs, textBytes: 20 * deltas });
  return {
    do: 'sockets',
    base,
    key,
    group: `${base} ${model}`,
    model,
    clients: 1,
    turnsEach: 1,
    history: 'none',
  };
}

export function loadNamed(name: string): NamedLoad {
  const load = LOADS[name];
  if (load === undefined) throw new Error(`one of ${Object.keys(LOADS).join(', ')}`);
  return load;
}
