/**
 * The frame around every page: where one can go, whether the page is live, and which page is shown.
 */
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Toast } from './components/toast.tsx';
import { t, type Word } from './i18n/words.ts';
import { signOut } from './model/live.ts';
import { usePreferences } from './model/preferences.ts';
import { hrefOf, type PageProps, useRoute } from './model/route.ts';
import { useAppState } from './model/store.ts';
import { Accounts } from './pages/accounts.tsx';
import { Now } from './pages/now.tsx';
import { RequestDetail } from './pages/request-detail.tsx';
import { Requests } from './pages/requests.tsx';
import { Sessions } from './pages/sessions.tsx';
import { Settings } from './pages/settings.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { UsagePage } from './pages/usage.tsx';

const PAGES: Readonly<Record<string, ComponentType<PageProps>>> = {
  now: Now,
  sessions: Sessions,
  requests: Requests,
  accounts: Accounts,
  usage: UsagePage,
  settings: Settings,
};

export function App() {
  usePreferences();
  const access = useAppState((world) => world.access);
  return (
    <>
      {access === 'out' ? <SignIn /> : access === 'in' ? <Frame /> : null}
      <Toast />
    </>
  );
}

function Frame() {
  const route = useRoute();
  const read = useAppState((world) => world.lists === 'read');
  const Page = PAGES[route.page] ?? Now;
  const { why } = route.query;
  useEffect(() => {
    document.title = `${t(titleOf(route.page))} · respool`;
  });
  return (
    <div class="frame">
      <Aside page={route.page} />
      <main>{read ? <Page route={route} /> : <p class="page quiet">{t('link.connecting')}</p>}</main>
      {read && why !== undefined ? <RequestDetail id={why} route={route} /> : null}
    </div>
  );
}

function titleOf(page: string): Word {
  return Object.hasOwn(PAGES, page) ? (`page.${page}` as Word) : 'page.now';
}

function Aside({ page }: { readonly page: string }) {
  const menu = useRef<HTMLElement>(null);
  // On a phone the menu is wider than the screen. The name of the page is what tells that it changed.
  useEffect(() => {
    const chosen = menu.current?.querySelector(`a[href="${hrefOf(page)}"]`);
    chosen?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [page]);
  return (
    <aside class="aside">
      <div class="brand">
        <img src="/favicon.svg" alt="" width="24" height="24" />
        respool
      </div>
      <nav class="menu" ref={menu} aria-label={t('page.menu')}>
        {Object.keys(PAGES).map((name) => (
          <a key={name} href={hrefOf(name)} aria-current={name === page ? 'page' : undefined}>
            {t(titleOf(name))}
          </a>
        ))}
      </nav>
      <div class="foot">
        <LinkState />
        <button type="button" class="button slim" onClick={() => void signOut()}>
          {t('do.signOut')}
        </button>
      </div>
    </aside>
  );
}

function LinkState() {
  const link = useAppState((world) => world.link);
  return (
    <span class={`link-state ${link}`} role="status">
      <i />
      {t(`link.${link}`)}
    </span>
  );
}
