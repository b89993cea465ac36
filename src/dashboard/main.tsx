/** Where the page begins. */
import './styles/base.css';
import './styles/components.css';
import './styles/overlays.css';
import './styles/frame.css';
import './styles/pages.css';
import './styles/list.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { begin } from './model/live.ts';

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
void begin();
