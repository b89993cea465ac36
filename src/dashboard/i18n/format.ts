/**
 * Numbers, times and lengths of time as people read them. Pure but for the reader's language and time zone.
 */
import { currentTaste } from '../model/preferences.ts';
import { t } from './words.ts';

const locale = (): string => (currentTaste().language === 'zh' ? 'zh-CN' : 'en-GB');

export function count(value: number | null): string {
  return value === null ? '–' : value.toLocaleString(locale());
}

/** 1,234 → 1.2k; for places where the exact figure would be noise. */
export function short(value: number | null): string {
  if (value === null) return '–';
  if (value < 1000) return String(Math.round(value));
  const [size, unit] = value < 999_500 ? [value / 1000, 'k'] : [value / 1_000_000, 'M'];
  return `${size < 99.5 ? Number(size.toFixed(1)) : Math.round(size)}${unit}`;
}

export function dollars(value: number | null): string {
  if (value === null) return '–';
  if (value > 0 && value < 0.01) return '< $0.01';
  return `$${value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function percent(part: number, whole: number): string {
  return whole <= 0 ? '–' : `${Math.round((100 * part) / whole)} %`;
}

export function milliseconds(value: number | null): string {
  if (value === null) return '–';
  if (value < 1000) return `${Math.round(value)} ms`;
  return value < 99_500 ? `${(value / 1000).toFixed(1)} s` : span(value / 1000);
}

/** The two largest units: `1 h 12 min`. */
export function span(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return t('time.s', { n: total });
  if (total < 3600) return t('time.min', { n: Math.floor(total / 60), s: total % 60 });
  if (total < 172_800) {
    return t('time.h', { n: Math.floor(total / 3600), min: Math.floor((total % 3600) / 60) });
  }
  return t('time.d', { n: Math.floor(total / 86_400), h: Math.floor((total % 86_400) / 3600) });
}

export function ago(at: number, now: number): string {
  const seconds = now / 1000 - at;
  return seconds < 5 ? t('time.now') : t('time.ago', { span: roughly(seconds) });
}

/** One unit, for what nobody measures. */
function roughly(seconds: number): string {
  if (seconds < 60) return t('time.s', { n: Math.floor(seconds) });
  if (seconds < 3600) return t('time.minutes', { n: Math.floor(seconds / 60) });
  if (seconds < 172_800) return t('time.hours', { n: Math.floor(seconds / 3600) });
  return t('time.days', { n: Math.floor(seconds / 86_400) });
}

const DAY_S = 86_400;

/** The time of day, with the day when it is not today's. */
export function clock(at: number, now: number): string {
  const date = new Date(at * 1000);
  const near = Math.abs(at - now / 1000) < DAY_S && date.getDate() === new Date(now).getDate();
  const time = { hour: '2-digit', minute: '2-digit' } as const;
  return near
    ? date.toLocaleTimeString(locale(), time)
    : date.toLocaleString(locale(), { weekday: 'short', ...time });
}

const SECONDS = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;

export function moment(at: number): string {
  return new Date(at * 1000).toLocaleString(locale(), { month: 'short', day: 'numeric', ...SECONDS });
}

/** For lists: the day only where it is not today. */
export function listed(at: number, now: number): string {
  const date = new Date(at * 1000);
  if (date.toDateString() === new Date(now).toDateString()) return date.toLocaleTimeString(locale(), SECONDS);
  const { second: _second, ...minutes } = SECONDS;
  return date.toLocaleString(locale(), { month: 'short', day: 'numeric', ...minutes });
}

export function day(at: number): string {
  return new Date(at * 1000).toLocaleDateString(locale(), {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
  });
}

export function dayOfMonth(at: number): string {
  return new Date(at * 1000).toLocaleDateString(locale(), { month: 'short', day: 'numeric' });
}

export function hour(at: number): string {
  return new Date(at * 1000).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit' });
}

export function bytes(value: number): string {
  return value < 1024 * 1024 ? `${Math.round(value / 1024)} KiB` : `${(value / 1024 / 1024).toFixed(1)} MiB`;
}
