/**
 * Lines and bars over time. The library that draws them is loaded when the first chart is shown.
 */
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { dayOfMonth, hour } from '../i18n/format.ts';
import { usePreferences } from '../model/preferences.ts';

export interface Series {
  readonly label: string;
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly label: string;
  readonly kind: 'lines' | 'bars';
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** Upper end of the scale; open when absent. */
  readonly most?: number;
}

const HEIGHT = 220;

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const { scheme } = usePreferences();
  const { times, series, kind } = props;
  // A chart is drawn again when its data or the scheme changes.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const drawing = draw(element, props);
    return () => void drawing.then((remove) => remove());
  }, [times, series, kind, scheme]);
  return <div class="chart" ref={box} role="img" aria-label={props.label} />;
}

async function draw(element: HTMLElement, props: ChartProps): Promise<() => void> {
  const { default: Plot } = await import('./plot.ts');
  const width = () => Math.max(element.clientWidth, 200);
  const chart = new Plot(optionsOf(Plot, element, props), dataOf(props), element);
  const watcher = new ResizeObserver(() => chart.setSize({ width: width(), height: HEIGHT }));
  watcher.observe(element);
  return () => {
    watcher.disconnect();
    chart.destroy();
  };
}

function dataOf({ times, series }: ChartProps): uPlot.AlignedData {
  return [[...times], ...series.map((one) => [...one.values])];
}

function optionsOf(Plot: typeof uPlot, element: HTMLElement, props: ChartProps): uPlot.Options {
  const { kind, series, format, most } = props;
  const style = getComputedStyle(element);
  const paint = (name: string): string => resolve(element, style.getPropertyValue(name));
  const [quiet, line] = [paint('--quiet'), paint('--line')];
  const axis = { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const bars = Plot.paths.bars?.({ size: [0.7, 40], align: 1, radius: 0.15 });
  return {
    width: Math.max(element.clientWidth, 200),
    height: HEIGHT,
    cursor: { points: { show: kind === 'lines' }, y: false, drag: { x: false, y: false } },
    legend: { show: series.length > 1 || kind === 'lines' },
    scales: {
      x: { range: (_, first, last) => [first, kind === 'bars' ? last + stepOf(props) : last] },
      y: { range: (_, __, max) => [0, most ?? Math.max(max * 1.1, 1e-9)] },
    },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((tick) => timeOf(tick, props)) },
      { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {},
      ...series.map((one) => ({
        label: one.label,
        stroke: one.colour,
        width: kind === 'bars' ? 0 : 2,
        points: { show: one.values.filter((value) => value !== null).length < 3 && kind === 'lines' },
        value: (_: uPlot, value: number | null) => (value === null ? '–' : format(value)),
        ...(kind === 'bars' && bars !== undefined ? { fill: one.colour, paths: bars } : {}),
      })),
    ],
  };
}

function stepOf({ times }: ChartProps): number {
  return (times[1] ?? 0) - (times[0] ?? 0);
}

const DAY_S = 86_400;

function timeOf(at: number, { times }: ChartProps): string {
  const days = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / DAY_S;
  const midnight = new Date(at * 1000).getHours() === 0;
  return days > 2 || midnight ? dayOfMonth(at) : hour(at);
}

/** `light-dark()` and friends as the plain colour that a canvas understands. */
function resolve(element: HTMLElement, colour: string): string {
  const probe = document.createElement('i');
  probe.style.color = colour;
  element.append(probe);
  const plain = getComputedStyle(probe).color;
  probe.remove();
  return plain;
}
