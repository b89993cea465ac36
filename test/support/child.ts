/** The built server as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export async function startChild(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['dist/respool.js', 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes('listening')) break;
  child.stdout?.resume();
  return child;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly url: string;
  /** Lines that the server should never write: what broke inside of it. */
  readonly complaints: readonly string[];
}

/** On a port of its own choice. `flags` go to Node; with a channel between the processes where they need one. */
export async function launch(
  env: NodeJS.ProcessEnv,
  flags: readonly string[] = [],
  channel: 'ipc' | 'ignore' = 'ignore',
): Promise<Launched> {
  const child = spawn(process.execPath, [...flags, 'dist/respool.js', 'serve'], {
    env: { PATH: process.env['PATH'], RESPOOL_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe', channel],
  });
  const complaints: string[] = [];
  child.stderr?.on('data', (chunk) => complaints.push(String(chunk).slice(0, 1000)));
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      const text = String(chunk);
      said = (said + text).slice(-4000);
      if (text.includes('"level":')) complaints.push(text.slice(0, 1000));
      const address = /listening\s+(http:\S+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once('exit', () => reject(new Error(`the server did not start: ${said}`)));
  });
  return { child, url, complaints };
}
