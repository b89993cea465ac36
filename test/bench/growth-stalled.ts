/** Clients that stop reading in the middle of a large answer: what upstream goes on sending must not pile up here. */
import type { Growth } from './growth-ratio.ts';
import { settledRssKb } from './proc.ts';
import { modelOf } from './wire.ts';

const READERS = 40;
/** What may wait for one reader, in the server: the mark at which it stops reading upstream. */
const HIGH_WATER_KB = 1024;
/** Far more than that and the kernel's buffers together. */
const ANSWER = modelOf({ deltas: 160, bytes: 100_000, paceMs: 0, textBytes: 100 });

const COLLECTING = ['--expose-gc', '--import', new URL('./collect.ts', import.meta.url).href];

/** What passed through before the readers stopped is garbage, and when V8 collects it is not the question here. */
async function heldKb(pid: number): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  return settledRssKb(pid);
}

function readers(door: 'sse' | 'ws', speaks: 'http' | 'websocket'): Growth {
  return {
    name: `memory of ${READERS} stopped ${door === 'sse' ? 'SSE' : 'WS'} readers against their high-water marks`,
    most: 2,
    rounds: 1,
    measure: async (stage) => {
      await using server = await stage.fresh({ accounts: ['a'], node: COLLECTING });
      await server.speak(speaks);
      const { base, key, pid } = server.target;
      const to = { base, key, model: ANSWER, group: `stalled ${door}` };
      await stage.run(
        door === 'sse'
          ? { ...to, do: 'http', answer: 'sse', clients: 4, turnsEach: 2 }
          : { ...to, do: 'sockets', history: 'none', clients: 4, turnsEach: 2 },
      );
      await stage.run({ do: 'close', group: to.group });
      const before = await heldKb(pid);
      await stage.run({ ...to, do: 'stall', door, clients: READERS });
      const after = await heldKb(pid);
      await stage.run({ do: 'close', group: to.group });
      return { small: HIGH_WATER_KB * READERS, large: Math.max(0, after - before) };
    },
  };
}

export const STALLED_READERS: readonly Growth[] = [readers('sse', 'http'), readers('ws', 'websocket')];
