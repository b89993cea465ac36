/** Clients that stop reading in the middle of a large answer: what upstream goes on sending must not pile up here. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Growth } from './growth-ratio.ts';
import { modelOf } from './wire.ts';

const READERS = 40;
/** What may wait for one reader, in the server: the mark at which it stops reading upstream. */
const HIGH_WATER_KB = 1024;
/** Far more than that and the kernel's buffers together. */
const ANSWER = modelOf({ deltas: 160, bytes: 100_000, paceMs: 0, textBytes: 100 });

const COLLECTING = ['--expose-gc', '--import', new URL('./collect.ts', import.meta.url).href];

const LOOK_EVERY_MS = 250;
const SETTLED_SHARE = 0.02;

/** What the server holds once that stays the same: what passed through before is garbage, and none of it is the question. */
async function settledKb(pid: number, file: string): Promise<number> {
  for (let last = await heldKb(pid, file); ; ) {
    await pause(LOOK_EVERY_MS);
    const now = await heldKb(pid, file);
    if (Math.abs(now - last) <= last * SETTLED_SHARE) return now;
    last = now;
  }
}

async function heldKb(pid: number, file: string): Promise<number> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  while (!existsSync(file)) await pause(20);
  return Number(readFileSync(file, 'utf8')) / 1024;
}

function readers(door: 'sse' | 'ws', speaks: 'http' | 'websocket'): Growth {
  return {
    name: `memory of ${READERS} stopped ${door === 'sse' ? 'SSE' : 'WS'} readers against their high-water marks`,
    most: 2,
    rounds: 1,
    measure: async (stage) => {
      const file = join(stage.directory(), 'held');
      const env = { BENCH_HELD_FILE: file };
      await using server = await stage.fresh({ accounts: ['a'], node: COLLECTING, env });
      await server.speak(speaks);
      const { base, key, pid } = server.target;
      const to = { base, key, model: ANSWER, group: `stalled ${door}` };
      await stage.run(
        door === 'sse'
          ? { ...to, do: 'http', answer: 'sse', clients: 4, turnsEach: 2 }
          : { ...to, do: 'sockets', history: 'none', clients: 4, turnsEach: 2 },
      );
      await stage.run({ do: 'close', group: to.group });
      const before = await settledKb(pid, file);
      await stage.run({ ...to, do: 'stall', door, clients: READERS });
      const after = await settledKb(pid, file);
      await stage.run({ do: 'close', group: to.group });
      return { small: HIGH_WATER_KB * READERS, large: Math.max(0, after - before) };
    },
  };
}

export const STALLED_READERS: readonly Growth[] = [readers('sse', 'http'), readers('ws', 'websocket')];
