/** What Linux says about a process and its children: processor time, memory, descriptors. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** A process or a thread may end between being listed and being read. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ||
      (cause as NodeJS.ErrnoException).code === 'ESRCH'
    )
      return '';
    throw cause;
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    if (['ENOENT', 'EACCES', 'ESRCH'].includes((cause as NodeJS.ErrnoException).code ?? '')) return [];
    throw cause;
  }
}

function family(pid: number): readonly number[] {
  const children = list(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}

const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0);

/** Microseconds on a processor, over all threads. */
export function cpuUs(pid: number): number {
  const threads = family(pid).flatMap((one) =>
    list(`/proc/${one}/task`).map((thread) => `/proc/${one}/task/${thread}`),
  );
  return sum(threads.map((path) => Number(read(`${path}/schedstat`).split(' ')[0]))) / 1000;
}

function rssKb(pid: number): number {
  return sum(family(pid).map((one) => Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${one}/status`))?.[1] ?? 0)));
}

const SETTLED_SHARE = 0.003;
const SETTLE_EVERY_MS = 700;
const SETTLE_LIMIT_MS = 7000;

/** Once it no longer moves: what comes right after a load holds garbage that is about to go. */
export async function settledRssKb(pid: number): Promise<number> {
  const until = performance.now() + SETTLE_LIMIT_MS;
  let last = rssKb(pid);
  for (;;) {
    await pause(SETTLE_EVERY_MS);
    const now = rssKb(pid);
    if (Math.abs(now - last) <= last * SETTLED_SHARE || performance.now() > until) return now;
    last = now;
  }
}

export function descriptors(pid: number): number {
  return list(`/proc/${pid}/fd`).length;
}

const LISTENING = '0A';

/** The process that listens on this port of this machine. */
export function listenerOn(port: number): number | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = ['tcp', 'tcp6'].flatMap((table) => read(`/proc/net/${table}`).split('\n'));
  const row = rows
    .map((line) => line.trim().split(/\s+/))
    .find((at) => at[1]?.endsWith(`:${hex}`) && at[3] === LISTENING);
  const inode = row?.[9];
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) =>
      list(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`),
    );
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (cause) {
    // Descriptors of other people's processes stay theirs.
    if (['ENOENT', 'EACCES'].includes((cause as NodeJS.ErrnoException).code ?? '')) return '';
    throw cause;
  }
}

export function quantile(figures: readonly number[], share: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
