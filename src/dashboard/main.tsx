/** Where the page begins. */
import './look/base.css';
import './look/parts.css';
import './look/overlays.css';
import './look/frame.css';
import './look/pages.css';
import './look/list.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { begin } from './model/live.ts';

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
void begin();
