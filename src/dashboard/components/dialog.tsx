/**
 * Something that is done or read before one goes on. The browser's own dialog keeps the focus inside and closes on
 * Escape.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from '../i18n/words.ts';

export interface DialogProps {
  readonly title: string;
  readonly kind?: 'middle' | 'side';
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, kind = 'middle', onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} class={kind} aria-labelledby={id} onClose={onClose}>
      <div class="head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="button bare" onClick={onClose}>
          {t('do.close')}
        </button>
      </div>
      <div class="body stack">{children}</div>
    </dialog>
  );
}

export interface ConfirmProps {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

export function Confirm({ title, text, action, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <div class="row wraps">
        <button
          type="button"
          class="button danger"
          onClick={() => {
            onConfirm();
            onClose();
          }}
        >
          {action}
        </button>
        <button type="button" class="button" onClick={onClose}>
          {t('do.cancel')}
        </button>
      </div>
    </Dialog>
  );
}
