/**
 * One colour per account, told apart by people who see colours differently too (after Okabe and Ito), and strong
 * enough on a light and on a dark ground. An account keeps its colour as long as it lives.
 */
import type { AccountWire } from '../../admin-api/account.ts';

const PALETTE = [
  '#0f7fc4',
  '#e08a00',
  '#0a9b74',
  '#c66a9e',
  '#d2540f',
  '#3fa9dd',
  '#98890b',
  '#8560c9',
] as const;

export const NO_ACCOUNT = '#868e99';

export function colourOf(accounts: readonly Pick<AccountWire, 'id'>[], id: string | null): string {
  const place = accounts.findIndex((account) => account.id === id);
  return place < 0 ? NO_ACCOUNT : (PALETTE[place % PALETTE.length] ?? NO_ACCOUNT);
}
