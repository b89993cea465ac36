/** An account as it rests, ready and unused, for tests of what is pure. */

import type { AccountRow, ChatgptCredentials } from '../../src/domain/account.ts';
import type { AccountId } from '../../src/domain/ids.ts';

function chatgptCredentials(more: Partial<ChatgptCredentials> = {}): ChatgptCredentials {
  return { kind: 'chatgpt', accessToken: 'at', ...more };
}

export function accountRow(more: Partial<AccountRow> = {}): AccountRow {
  return {
    id: 'acc' as AccountId,
    name: 'a',
    kind: 'chatgpt',
    priority: 0,
    maxUsedPercent: 100,
    transport: 'auto',
    paused: false,
    credentials: chatgptCredentials(),
    status: 'ready',
    strikes: 0,
    installationId: '00000000-0000',
    loginVersion: 1,
    createdAt: 0,
    updatedAt: 0,
    windows: [],
    modelBlocks: [],
    ...more,
  };
}
