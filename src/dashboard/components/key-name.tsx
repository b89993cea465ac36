/** Whose turn it is: the name of a key, or this machine. */

import { t } from '../i18n/words.ts';
import { useAppState } from '../model/store.ts';

export function useKeyName(tenant: string): string {
  const name = useAppState((world) => world.keys.find((key) => key.id === tenant)?.name);
  return tenant === 'local' ? t('key.local') : (name ?? tenant);
}

export function KeyName({ tenant }: { readonly tenant: string }) {
  return <span class="clip">{useKeyName(tenant)}</span>;
}
