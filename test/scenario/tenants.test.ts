import { test } from 'vitest';
import { playTenants } from '../support/tenants.ts';

test.each(['api_key', 'chatgpt'] as const)(
  'tenants that use the same names and those of each other never meet (%s)',
  async (kind) => {
    await playTenants(kind, 1, 150);
  },
);
