/** Whose turn it is: the name of a key, or this machine. */
import { useWorld } from '../model/store.ts';
import { t } from '../words/words.ts';

export function useKeyName(tenant: string): string {
  const name = useWorld((world) => world.keys.find((key) => key.id === tenant)?.name);
  return tenant === 'local' ? t('key.local') : (name ?? tenant);
}

export function KeyName({ tenant }: { readonly tenant: string }) {
  return <span class="clip">{useKeyName(tenant)}</span>;
}
