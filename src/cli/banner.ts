/**
 * What a person reads after starting the server: where it is, whether it can serve, and what to do next.
 */
import type { Config } from '../config.ts';
import type { RunningServer } from '../server/server.ts';
import { VERSION } from '../server/version.ts';

export function banner(server: RunningServer, config: Config): string {
  const { total, ready } = server.accounts;
  const lines = [
    `respool ${VERSION}`,
    `  listening   ${server.url}  (clients: ${server.url}/v1)`,
    `  dashboard   ${server.url}/  (sign in with the admin token, see data)`,
    `  data        ${config.dataDir}`,
    `  accounts    ${ready} of ${total} ready`,
    ...(server.firstKey === undefined ? [] : [`  first key   ${server.firstKey}  (shown only now)`]),
    '',
    ...nextSteps(total),
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function nextSteps(accounts: number): readonly string[] {
  if (accounts > 0) return ['Point Codex here:  npx respool snippet codex'];
  return [
    'Add an account in another terminal:',
    '  npx respool accounts import ~/.codex/auth.json   a ChatGPT login of the Codex CLI',
    '  npx respool accounts add --name main             an API key, asked for',
    'Then point Codex here:  npx respool snippet codex',
  ];
}
