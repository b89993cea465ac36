/**
 * Runs what an image holds as compose would: its user, its environment, and no more rights than the service is
 * given. Bubblewrap takes the place of an engine. Needs root, and Linux.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { list, type Service } from './compose.ts';
import { environmentOf, readCommand, said } from './dockerfile.ts';
import type { Image } from './image.ts';
import { type Outcome, Program, run } from './program.ts';

export class Container {
  /** As the service says, or the most that this machine lets us ask for. */
  readonly openFiles: number;
  readonly #image: Image;
  readonly #service: Service;
  readonly #env: Readonly<Record<string, string>>;
  readonly #argv: readonly [string, ...string[]];

  /** `volume` is the folder that takes the place of the only named volume; `env` is what an .env file would say. */
  static async create(image: Image, service: Service, volume: string, env: Readonly<Record<string, string>>) {
    const [ids, openFiles] = [await idsOf(image), await openFilesOf(service)];
    return new Container(image, service, { volume, env, ids, openFiles });
  }

  private constructor(image: Image, service: Service, rest: Rest) {
    this.#image = image;
    this.#service = service;
    this.#env = {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: '/',
      ...environmentOf(image.stage),
      ...rest.env,
      ...(service['environment'] as Record<string, string>),
    };
    this.openFiles = rest.openFiles;
    const limited = ['prlimit', `--nofile=${rest.openFiles}:${rest.openFiles}`] as const;
    this.#argv = [...limited, 'bwrap', ...this.#files(rest.volume), ...this.#rights(rest.ids)];
  }

  start(): Program {
    const command = readCommand(said(this.#image.stage, 'CMD'));
    return new Program([...this.#argv, ...command], { cwd: '/', env: this.#env });
  }

  /** Another process inside, as `docker compose exec` makes one. */
  exec(command: readonly [string, ...string[]], input = ''): Promise<Outcome> {
    return run([...this.#argv, ...command], { cwd: '/', env: this.#env }, input);
  }

  healthCheck(): Promise<Outcome> {
    return this.exec(readCommand(said(this.#image.stage, 'HEALTHCHECK')));
  }

  /** The programs of this machine stand for the base image, with the Node that runs this in its place. */
  #files(volume: string): readonly string[] {
    const { root, stage } = this.#image;
    const bind = this.#service['read_only'] === 'true' ? '--ro-bind' : '--bind';
    const folders = ['etc', 'app'].flatMap((name) => [bind, join(root, name), `/${name}`]);
    const mounts = list(this.#service['volumes']).map((mount) => mount.split(':')[1] ?? '');
    return [
      ...['--ro-bind', '/usr', '/usr', '--tmpfs', '/usr/local'],
      ...['--perms', '0755', '--dir', '/usr/local/bin'],
      ...['--ro-bind', process.execPath, '/usr/local/bin/node', '--remount-ro', '/usr/local'],
      ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--ro-bind-try', `/usr/${name}`, `/${name}`]),
      ...['--proc', '/proc', '--dev', '/dev'],
      ...folders,
      ...mounts.flatMap((path) => ['--bind', volume, path]),
      ...list(this.#service['tmpfs']).flatMap((path) => ['--perms', '1777', '--tmpfs', path]),
      ...(bind === '--ro-bind' ? ['--remount-ro', '/'] : []),
      ...['--chdir', said(stage, 'WORKDIR')],
    ];
  }

  /** What is kept up to `setpriv` is what changing the user takes; nothing of it is left afterwards. */
  #rights({ uid, gid }: Ids): readonly string[] {
    const dropsAll = list(this.#service['cap_drop']).includes('ALL');
    const needed = ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'].flatMap((name) => ['--cap-add', name]);
    return [
      ...(dropsAll ? ['--cap-drop', 'ALL', ...needed] : []),
      ...['--unshare-ipc', '--unshare-uts', '--hostname', 'respool'],
      ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
      ...(dropsAll ? ['--inh-caps=-all', '--bounding-set=-all'] : []),
    ];
  }
}

interface Ids {
  readonly uid: string;
  readonly gid: string;
}

interface Rest {
  readonly volume: string;
  readonly env: Readonly<Record<string, string>>;
  readonly ids: Ids;
  readonly openFiles: number;
}

async function openFilesOf(service: Service): Promise<number> {
  const asked = Number((service['ulimits'] as Record<string, string>)['nofile']);
  const tried = await run(['prlimit', `--nofile=${asked}:${asked}`, 'true'], { cwd: '/', env: process.env });
  if (tried.code === 0) return asked;
  const hard = /^Max open files +\d+ +(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
  return Math.min(asked, Number(hard));
}

async function idsOf({ root, stage }: Image): Promise<Ids> {
  const user = said(stage, 'USER');
  const line = new RegExp(`^${user}:x:(\\d+):(\\d+):`, 'm').exec(
    await readFile(join(root, 'etc/passwd'), 'utf8'),
  );
  const [, uid, gid] = line ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`the base image has no user ${user}`);
  return { uid, gid };
}

/** The process that a `bwrap` of ours has started: it passes no signals on. */
export async function insideOf(program: Program): Promise<number> {
  const text = await readFile(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8');
  return Number(text.trim());
}
