#!/usr/bin/env node
/**
 * Where the process begins. Knows only which Node it needs: everything else is imported after that check,
 * because the native SQLite module crashes an older Node instead of refusing to load.
 */
import { existsSync } from 'node:fs';
import { loadEnvFile, versions } from 'node:process';

const NEEDED_NODE = 24;

if (Number(versions.node.split('.')[0]) < NEEDED_NODE) {
  console.error(
    `respool needs Node ${NEEDED_NODE} or newer; this is ${versions.node}. "npm ci && npm start" brings its own.`,
  );
  process.exitCode = 1;
} else {
  // A verb must see the settings the server was started with, or it would look for it at another address.
  if (existsSync('.env')) loadEnvFile('.env');
  const { runCli } = await import('./cli/cli.ts');
  process.exitCode = await runCli(process.argv.slice(2));
}
