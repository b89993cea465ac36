/** How the dashboard is built: one page, hashed files, nothing inline, nothing from elsewhere. */
import { defineConfig } from 'vite';

/** `npm run dev:dashboard` talks to a server that runs beside it. */
const SERVER = 'http://127.0.0.1:8411';

export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2024',
    // A page under a strict policy cannot load what was inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1', port: 8412, proxy: { '/api': SERVER } },
});
