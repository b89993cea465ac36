/**
 * Makes what an image would hold, without a container engine: each stage of a Dockerfile is a folder, and its steps
 * are carried out in it on the tools of this machine. Needs root, as an engine does.
 */
import { chmod, cp, mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { basename, join, matchesGlob, relative, resolve } from 'node:path';
import { type Copy, readCopy, readDockerfile, type Stage } from './dockerfile.ts';
import { cleanEnv, run } from './program.ts';

/** As the official Node images have it. */
const USERS = { passwd: 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n' };
const GROUPS = { group: 'root:x:0:\nnode:x:1000:\n' };

export interface Image {
  readonly root: string;
  readonly stage: Stage;
}

export async function buildImage(context: string, dockerfile: string, folder: string): Promise<Image> {
  const stages = readDockerfile(await readFile(join(context, dockerfile), 'utf8'));
  const allowed = await readIgnored(join(context, '.dockerignore'));
  let image: Image | undefined;
  for (const [i, stage] of stages.entries()) {
    image = { root: join(folder, stage.name ?? String(i)), stage };
    await new StageBuild(context, folder, image, allowed).build();
  }
  if (image === undefined) throw new Error(`${dockerfile} has no stage`);
  return image;
}

type Allowed = (path: string) => boolean;

/** What the builder is sent: the last rule that fits a path, or a folder above it, decides. */
async function readIgnored(file: string): Promise<Allowed> {
  const rules = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '' && line[0] !== '#');
  return (path) => {
    const fits = (rule: string) => matchesGlob(path, rule) || matchesGlob(path, `${rule}/**`);
    return rules.findLast((rule) => fits(rule.replace(/^!/, '')))?.startsWith('!') ?? true;
  };
}

class StageBuild {
  readonly #context: string;
  readonly #folder: string;
  readonly #image: Image;
  readonly #allowed: Allowed;
  #workdir = '/';

  constructor(context: string, folder: string, image: Image, allowed: Allowed) {
    this.#context = context;
    this.#folder = folder;
    this.#image = image;
    this.#allowed = allowed;
  }

  async build(): Promise<void> {
    const { root, stage } = this.#image;
    await mkdir(join(root, 'etc'), { recursive: true });
    await chmod(root, 0o755);
    for (const [name, text] of Object.entries({ ...USERS, ...GROUPS })) {
      await writeFile(join(root, 'etc', name), text);
    }
    const volumes = stage.steps.filter((step) => step.instruction === 'VOLUME');
    for (const { rest } of volumes) await mkdir(join(root, rest), { recursive: true });
    for (const { instruction, rest } of stage.steps) {
      if (instruction === 'WORKDIR') await this.#enter(rest);
      if (instruction === 'COPY') await this.#copy(readCopy(rest));
      if (instruction === 'RUN') await this.#run(rest);
    }
  }

  async #enter(path: string): Promise<void> {
    this.#workdir = path;
    await mkdir(join(this.#image.root, path), { recursive: true });
  }

  async #copy({ from, sources, target }: Copy): Promise<void> {
    const base = from === undefined ? this.#context : join(this.#folder, from);
    for (const source of sources) {
      const path = join(base, source);
      const isFile = (await stat(path)).isFile();
      const to = join(this.#image.root, resolve(this.#workdir, target));
      const into = isFile && target.endsWith('/') ? join(to, basename(source)) : to;
      const sent = (one: string) => from !== undefined || this.#allowed(relative(base, one));
      if (!sent(path)) throw new Error(`.dockerignore keeps ${source} from the builder`);
      await cp(path, into, { recursive: true, verbatimSymlinks: true, filter: sent });
    }
  }

  /** The machine's own files, but for the folders of the stage. */
  async #run(command: string): Promise<void> {
    const { root } = this.#image;
    const own = (await readdir(root)).filter((name) => name !== 'etc');
    const args = [
      ...(await machine(own)),
      ...own.flatMap((name) => ['--bind', join(root, name), `/${name}`]),
    ];
    for (const name of await readdir(join(root, 'etc'))) {
      args.push('--ro-bind', join(root, 'etc', name), `/etc/${name}`);
    }
    const sh = ['--chdir', this.#workdir, 'sh', '-c', command];
    const { code, stdout, stderr } = await run(['bwrap', ...args, ...sh], { cwd: '/', env: cleanEnv() });
    if (code !== 0) throw new Error(`RUN ${command}: ${stdout.slice(-300)} ${stderr.slice(-500)}`);
  }
}

async function machine(except: readonly string[]): Promise<readonly string[]> {
  const args = ['--dev-bind', '/dev', '/dev', '--proc', '/proc'];
  for (const entry of await readdir('/', { withFileTypes: true })) {
    const path = `/${entry.name}`;
    if ([...except, 'dev', 'proc'].includes(entry.name)) continue;
    if (entry.isSymbolicLink()) args.push('--symlink', await readlink(path), path);
    else args.push('--bind', path, path);
  }
  return args;
}
