import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ENVIRONMENT } from '../../src/config.ts';
import { durationMs, list, readCompose, serviceOf } from '../support/compose.ts';
import { environmentOf, imageOf, readCommand, readDockerfile, said } from '../support/dockerfile.ts';

const read = (path: string) => readFileSync(new URL(`../../docker/${path}`, import.meta.url), 'utf8');
const stages = readDockerfile(read('Dockerfile'));
const image = imageOf(stages);
const compose = readCompose(read('compose.yaml'));
const respool = serviceOf(compose, 'respool');
const services = Object.keys(compose['services'] ?? {});
const defaultOf = (name: string) => ENVIRONMENT.find((variable) => variable.name === name)?.default;

const runsOf = (name: string | undefined) =>
  stages
    .find((stage) => stage.name === name)
    ?.steps.filter((step) => step.instruction === 'RUN')
    .map((step) => step.rest);

test('what builds does not reach the image: it copies from stages that install from the lockfile', () => {
  expect(stages.length).toBeGreaterThan(1);
  expect(runsOf('build')).toContain('npm ci');
  expect(runsOf('modules')).toEqual(['npm ci --omit=dev']);
  expect(stages.flatMap((stage) => stage.steps).map((step) => step.rest)).not.toContainEqual(
    expect.stringMatching(/npm (install|i)\b/),
  );
});

test('every stage begins with the one base image, which can be named by its digest', () => {
  expect(new Set(stages.map((stage) => stage.from))).toEqual(new Set([`\${NODE_IMAGE}`]));
  expect(read('Dockerfile')).toMatch(/^ARG NODE_IMAGE=node:24-slim$/m);
});

test('the image runs as an ordinary user, and Node hears its signals without a shell between', () => {
  expect(said(image, 'USER')).toBe('node');
  expect(image.steps.findLastIndex((step) => step.instruction === 'USER')).toBeGreaterThan(
    image.steps.findLastIndex((step) => ['RUN', 'COPY'].includes(step.instruction)),
  );
  expect(readCommand(said(image, 'CMD'))).toEqual(['node', 'dist/respool.js', 'serve']);
});

test('the health check needs no program but Node', () => {
  expect(readCommand(said(image, 'HEALTHCHECK')).slice(0, 2)).toEqual(['node', '-e']);
});

test('nothing of the container can be written but the volume and /tmp', () => {
  expect(respool['read_only']).toBe('true');
  expect(list(respool['tmpfs'])).toEqual(['/tmp']);
  expect(list(respool['volumes'])).toEqual(['data:/data']);
  expect(Object.keys(compose['volumes'] ?? {})).toContain('data');
  expect(environmentOf(image)['RESPOOL_DATA_DIR']).toBe(said(image, 'VOLUME'));
});

test.each(services)('%s has no capability and cannot get one', (name) => {
  const service = serviceOf(compose, name);
  expect(list(service['cap_drop'])).toEqual(['ALL']);
  expect(service['cap_add']).toBeUndefined();
  expect(list(service['security_opt'])).toContain('no-new-privileges:true');
});

test.each(services)('%s is reachable from this machine only', (name) => {
  const ports = list(serviceOf(compose, name)['ports']);
  expect(ports).not.toEqual([]);
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
});

test('a stop waits longer than running turns may take', () => {
  expect(durationMs(respool['stop_grace_period'])).toBeGreaterThan(Number(defaultOf('RESPOOL_DRAIN_MS')));
});

test('there are files for a few thousand sockets', () => {
  const limits = respool['ulimits'] as { readonly nofile: string };
  expect(Number(limits.nofile)).toBeGreaterThanOrEqual(32_768);
});

test('what watches is started only when it is asked for', () => {
  const always = services.filter((name) => serviceOf(compose, name)['profiles'] === undefined);
  expect(always).toEqual(['respool']);
  for (const name of services.filter((one) => one !== 'respool')) {
    expect(list(serviceOf(compose, name)['profiles'])).toEqual(['watch']);
  }
});

test('the port in the file, in the image and by default is one', () => {
  const port = defaultOf('RESPOOL_PORT');
  expect(said(image, 'EXPOSE')).toBe(port);
  expect(list(respool['ports'])).toEqual([`127.0.0.1:${port}:${port}`]);
  expect((respool['environment'] as Record<string, string>)['RESPOOL_PORT']).toBe(port);
  expect(said(image, 'HEALTHCHECK')).toContain(`|| ${port}) + '/healthz'`);
});
