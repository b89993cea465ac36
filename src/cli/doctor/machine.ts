/** Checks of the machine: the runtime, files and their modes, the disk, the database. */
import { join } from 'node:path';
import { type Check, type CheckResult, fail, ok, warn } from './result.ts';

const NODE_NEEDED = 24;
const FILES_NEEDED = 4096;
const GIB = 1024 ** 3;
const LITTLE_BYTES = GIB / 2;
/** NFS, SMB and CIFS, as statfs numbers them: SQLite's locks are not safe there. */
const NETWORK_FILESYSTEMS = [0x6969, 0x517b, 0xff534d42, 0xfe534d42];
const IGNORED_PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];

export const node: Check = ({ probe }) => {
  const major = Number(/^v(\d+)/.exec(probe.nodeVersion)?.[1] ?? 0);
  if (major >= NODE_NEEDED) return [ok(`Node ${probe.nodeVersion}`)];
  return [
    fail(
      `Node ${probe.nodeVersion} is too old: ${NODE_NEEDED} is needed`,
      'npm ci (it brings Node 24), or use the container',
    ),
  ];
};

export const openFiles: Check = ({ probe }) => {
  const limit = probe.openFiles();
  if (limit === undefined || limit >= FILES_NEEDED) return [ok('enough open files allowed')];
  return [
    warn(
      `only ${limit} open files are allowed: a session needs two`,
      'ulimit -n 32768, or LimitNOFILE=32768 for a service',
    ),
  ];
};

export const proxies: Check = ({ probe }) => {
  const set = IGNORED_PROXIES.filter((name) => probe.env[name]);
  if (set.length === 0) return [ok('no proxy variables')];
  return [
    warn(
      `${set.join(', ')} is set, but only proxies of accounts are used`,
      'set a proxy per account: PATCH /api/accounts/{id} {"proxy": "http://…"}',
    ),
  ];
};

export const dataDir: Check = ({ config, probe }) => {
  const { dataDir: folder } = config;
  if (probe.mode(folder) === undefined) return [ok(`${folder} will be made at the first start`)];
  if (!probe.writable(folder))
    return [fail(`${folder} cannot be written`, `chown -R $(id -u) ${folder}, or set RESPOOL_DATA_DIR`)];
  return [ok(`${folder} can be written`)];
};

/** Others on this machine must not read what opens the accounts. */
export const modes: Check = ({ config, probe }) => {
  const files = ['secret.key', 'admin-token', 'respool.db'].map((name) => join(config.dataDir, name));
  const open = [...files, '.env'].filter((path) => ((probe.mode(path) ?? 0) & 0o077) !== 0);
  if (open.length === 0) return [ok('no secret can be read by others')];
  return open.map(
    (path): CheckResult =>
      path === '.env'
        ? warn('.env can be read by others', 'chmod 600 .env')
        : fail(`${path} can be read by others`, `chmod 600 ${path}`),
  );
};

export const disk: Check = ({ config, probe }) => {
  const found = probe.disk(config.dataDir);
  if (found === undefined) return [];
  const results: CheckResult[] = [];
  if (found.freeBytes < LITTLE_BYTES) {
    const mebibytes = Math.floor(found.freeBytes / 1024 ** 2);
    results.push(
      fail(
        `only ${mebibytes} MiB are free for ${config.dataDir}`,
        'make room, or set RESPOOL_DATA_DIR to another disk',
      ),
    );
  }
  if (NETWORK_FILESYSTEMS.includes(found.type)) {
    results.push(
      warn(
        `${config.dataDir} lies on a network file system, where SQLite may lose data`,
        'set RESPOOL_DATA_DIR to a local disk',
      ),
    );
  }
  return results.length > 0 ? results : [ok('enough room on a local disk')];
};

export const database: Check = ({ config, probe }) => {
  if (probe.mode(join(config.dataDir, 'respool.db')) === undefined) return [ok('no database yet')];
  try {
    const problems = probe.checkDatabase();
    if (problems.length === 0) return [ok('the database is whole and the secret key fits')];
    return problems.map((problem) =>
      fail(
        `the database is damaged: ${problem}`,
        'respool db restore FILE with a copy from the folder backups',
      ),
    );
  } catch (error) {
    return [
      fail((error as Error).message, 'put the right file or key in place, or: respool db restore FILE'),
    ];
  }
};
