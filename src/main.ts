#!/usr/bin/env node
/**
 * Where the process begins. Knows only which Node it needs: everything else is imported after that check, because
 * an older Node cannot load the rest and would say so in words of its own. The build keeps this file apart for that.
 */
import { existsSync } from 'node:fs';

const NEEDED_NODE = 24;
const LAST_WORDS_MS = 2000;

if (Number(process.versions.node.split('.')[0]) < NEEDED_NODE) {
  console.error(
    `respool needs Node ${NEEDED_NODE} or newer; this is ${process.versions.node}. In a clone, "npm ci && npm start" brings its own.`,
  );
  process.exitCode = 1;
} else {
  // A verb must see the settings the server was started with, or it would look for it at another address.
  if (existsSync('.env')) process.loadEnvFile('.env');
  const { runCli } = await import('./cli/cli.ts');
  process.exitCode = await runCli(process.argv.slice(2));
  // What still holds the event loop by then, such as a log line that nobody reads, must not keep the process.
  setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
}
