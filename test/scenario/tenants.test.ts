import { expect, test } from 'vitest';
import { playTenants } from '../support/tenants.ts';

test.each(['api_key', 'chatgpt'] as const)(
  'tenants that use the same names and those of each other never meet (%s)',
  async (kind) => {
    const { overlapping } = await playTenants(kind, 1, 150);
    expect(overlapping).toBeGreaterThan(10);
  },
);
