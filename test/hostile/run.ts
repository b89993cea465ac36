/**
 * Hostile peers against the built server: `npm run suite -- hostile`. With `--patient` it also waits for what takes
 * longer than a minute. Any other words select cases whose names hold all of them.
 */

import { closeSuite } from '../support/tally.ts';
import { BOMBS } from './bombs.ts';
import { FRAMES } from './frames.ts';
import { LorisHerd } from './loris.ts';
import { GIVEN_UP, SLOW_READERS } from './slow-readers.ts';
import { type Case, Stage } from './stage.ts';
import { WIRE_FUZZ } from './wire-fuzz.ts';

const words = process.argv.slice(2);
const patient = words.includes('--patient');
const selecting = words.filter((word) => word !== '--patient');

await using stage = await Stage.open();
const herd = new LorisHerd(stage);

/** The herd comes first and is asked for last: its time runs while the others play. */
const cases: readonly Case[] = [
  { name: '300 connections that drip or stop are not noticed', play: () => herd.nobodyElseNotices() },
  { name: 'bodies that go on after they were refused are cut off', play: () => herd.refusedAreGone() },
  ...FRAMES,
  ...BOMBS,
  ...SLOW_READERS,
  WIRE_FUZZ,
  { name: 'headers that drip and bodies that stop get 408', play: () => herd.stalledAreGone() },
  ...(patient ? [{ name: 'bodies that drip get 408', play: () => herd.drippingAreGone() }, GIVEN_UP] : []),
];
const selected = cases.filter(({ name }) => selecting.every((word) => name.includes(word)));

const results: string[] = [];
for (const { name, play } of selected) {
  const begun = performance.now();
  try {
    await play(stage);
    await stage.checkUp();
    console.log(`ok      ${name} (${Math.round(performance.now() - begun)} ms)`);
    results.push('passed');
  } catch (error) {
    console.log(`not ok  ${name}: ${error instanceof Error ? error.message.slice(0, 800) : error}`);
    results.push('failed');
  }
}
herd.leave();
const failed = results.filter((result) => result === 'failed').length;
closeSuite(results.length - failed, failed);
