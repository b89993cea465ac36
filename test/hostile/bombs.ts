/**
 * Bodies that are small on the wire and large behind it: compressed ones, and JSON of which nothing but the number
 * of its values is large.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { type Case, checkError, mib, type Stage } from './stage.ts';

const BOMB_BYTES = mib(1024);
const PIECE = Buffer.alloc(mib(1), 0x20);
/** So many decodings at once may each fill their bound of 64 MiB, and as many again until they are collected. */
const MAX_GROWTH_MIB = 600;

const FAST_BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } };
const ENCODERS: readonly (readonly [string, () => NodeJS.ReadWriteStream])[] = [
  ['gzip', () => zlib.createGzip({ level: 1 })],
  ['deflate', () => zlib.createDeflate({ level: 1 })],
  ['br', () => zlib.createBrotliCompress(FAST_BROTLI)],
  ['zstd', () => zlib.createZstdCompress()],
];

async function bomb(encode: () => NodeJS.ReadWriteStream): Promise<Buffer> {
  const pieces = Readable.from(repeat(BOMB_BYTES / PIECE.length));
  const packed = pieces.pipe(encode());
  const chunks: Buffer[] = [];
  for await (const chunk of packed) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function* repeat(times: number): Generator<Buffer> {
  for (let index = 0; index < times; index += 1) yield PIECE;
}

async function checkTooLarge(stage: Stage, body: Buffer, encoding: string): Promise<void> {
  const answer = await stage.post(body, { 'content-encoding': encoding });
  const { error } = (await answer.json()) as { error: { code: string } };
  assert.equal(`${answer.status} ${error.code}`, '400 payload_too_large');
}

async function compressed(stage: Stage): Promise<void> {
  const bombs = await Promise.all(
    ENCODERS.map(async ([name, encode]) => ({ name, body: await bomb(encode) })),
  );
  const before = stage.memoryMib();
  const peak = await stage.peakMib(async () => {
    const volley = bombs.flatMap((one) => Array.from({ length: 5 }, () => one));
    const answers = volley.map(({ name, body }) => checkTooLarge(stage, body, name));
    const healthy = stage.health();
    await Promise.all([...answers, healthy]);
  });
  assert.ok(peak - before < MAX_GROWTH_MIB, `${Math.round(peak - before)} MiB more for 20 bombs`);
}

async function nested(stage: Stage): Promise<void> {
  const inner = await bomb(() => zlib.createGzip({ level: 1 }));
  const twice = zlib.gzipSync(inner);
  await checkTooLarge(stage, twice, 'gzip, gzip');
  await checkTooLarge(stage, zlib.zstdCompressSync(twice), 'gzip, gzip, zstd');
  const answer = await stage.post(twice, { 'content-encoding': 'gzip, gzip, gzip, gzip' });
  assert.equal(answer.status, 415);
  checkError(((await answer.json()) as { error: unknown }).error);
}

const fill = (text: string, bytes: number): string => text.repeat(Math.floor(bytes / text.length));

/** Near the largest size that is read at all. */
const SIZE = mib(60);
const STRUCTURES: Readonly<Record<string, () => string>> = {
  'empty items': () => `{"model":"m","input":[${fill('{},', SIZE)}{}]}`,
  'empty lists in one item': () => `{"model":"m","input":[{"content":[${fill('[],', SIZE)}[]]}]}`,
  'numbers in the metadata': () => `{"model":"m","client_metadata":{"a":[${fill('1,', SIZE)}1]}}`,
  'numbers in the tools': () => `{"model":"m","tools":[${fill('1,', SIZE)}1]}`,
  'open brackets': () => `{"model":"m","input":${fill('[', SIZE)}`,
  members: () => `{"model":"m",${Array.from({ length: 3e6 }, (_, index) => `"m${index}":0,`).join('')}"z":0}`,
  'a name twice, and long': () => `{"${fill('k', SIZE / 2)}":1,"${fill('k', SIZE / 2)}":1}`,
  'a model of megabytes': () => `{"model":"${fill('m', SIZE)}"}`,
  'an anchor of megabytes': () => `{"model":"m","previous_response_id":"${fill('r', SIZE)}"}`,
};

async function structure(stage: Stage, build: () => string): Promise<void> {
  const body = Buffer.from(build());
  const before = stage.memoryMib();
  const peak = await stage.peakMib(async () => {
    const answer = await stage.post(body);
    const text = await answer.text();
    assert.equal(answer.status, 400, text.slice(0, 300));
    checkError(JSON.parse(text).error);
    assert.ok(text.length < 1000, `the answer to it has ${text.length} bytes`);
  });
  // The body itself, its pieces, and what is left of the ones before.
  assert.ok(peak - before < 450, `${Math.round(peak - before)} MiB more`);
}

/** What is just allowed has to work: a bound that nobody can come near is no bound but a wall. */
async function largest(stage: Stage): Promise<void> {
  const input = createHash('shake256', { outputLength: 1000 }).update('largest').digest('hex').repeat(7000);
  const body = zlib.zstdCompressSync(Buffer.from(JSON.stringify({ model: 'gpt-5.5', input })));
  const answer = await stage.post(body, { 'content-encoding': 'zstd' });
  assert.equal(answer.status, 200, (await answer.text()).slice(0, 300));
}

export const BOMBS: readonly Case[] = [
  { name: '20 bombs of 1 GiB at once, in every coding, cost bounded memory', play: compressed },
  { name: 'a bomb inside of a bomb inside of a bomb', play: nested },
  ...Object.entries(STRUCTURES).map(([name, build]) => ({
    name: `60 MiB of ${name}`,
    play: (stage: Stage) => structure(stage, build),
  })),
  { name: 'a body of 14 MB that says something is served', play: largest },
];
