/**
 * Builds what the image would hold and runs it as compose would, on a machine without a container engine: the story is
 * in container-story.ts, in a network of its own, where the port of the compose file is free. Run with
 * `npm run suite -- container` as root; it takes bubblewrap.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '../support/image.ts';
import { Tally } from '../support/tally.ts';

const folder = await mkdtemp(join(tmpdir(), 'respool-image-'));
try {
  const { root } = await buildImage(process.cwd(), 'docker/Dockerfile', folder);
  const story = join(import.meta.dirname, 'container-story.ts');
  const isolated = ['--dev-bind', '/', '/', '--unshare-net', process.execPath, story, root];
  process.exitCode = spawnSync('bwrap', isolated, { stdio: 'inherit' }).status ?? 1;
} catch (error) {
  const tally = new Tally();
  await tally.check('the image can be built', () => Promise.reject(error));
  tally.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
