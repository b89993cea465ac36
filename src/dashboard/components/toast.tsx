/** A short word on what has just been done, also for those who listen to the page. */
import { useEffect, useState } from 'preact/hooks';

const SHOWN_MS = 3500;

let say: (text: string) => void = () => {};

export function tell(text: string): void {
  say(text);
}

export function Toast() {
  const [text, setText] = useState('');
  useEffect(() => {
    say = setText;
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => setText(''), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="toast" role="status" aria-live="polite">
      {text}
    </div>
  );
}
