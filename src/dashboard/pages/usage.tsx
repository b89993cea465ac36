/** Tokens over time and what they would have cost, per model, account and key. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { UsageRange, UsageSumWire, UsageWire } from '../../admin-api/usage.ts';
import { AccountName } from '../components/account.tsx';
import { Chart } from '../components/chart.tsx';
import { Choice } from '../components/form.tsx';
import { KeyName } from '../components/key-name.tsx';
import { count, day, dollars, percent, short } from '../i18n/format.ts';
import { t } from '../i18n/words.ts';
import { call } from '../model/api.ts';
import { namesOf } from '../model/names.ts';
import type { PageProps } from '../model/route.ts';
import { hrefOf, rewrite } from '../model/route.ts';

const RANGES = namesOf<UsageRange>({ '24h': true, '7d': true, '30d': true });

export function UsagePage({ route }: PageProps) {
  const range = RANGES.find((one) => one === route.query['range']) ?? '24h';
  const [usage, setUsage] = useState<UsageWire>();
  useEffect(() => {
    void call<UsageWire>('GET', `/api/usage?range=${range}`).then((answer) => {
      if (answer.ok) setUsage(answer.value);
    });
  }, [range]);
  return (
    <div class="page">
      <header>
        <h1>{t('page.usage')}</h1>
        <Choice
          label={t('usage.range')}
          options={RANGES.map((one) => [one, t(`usage.${one}`)])}
          value={range}
          onChange={(chosen) => rewrite(hrefOf('usage', undefined, { range: chosen }))}
        />
      </header>
      {usage === undefined ? null : <Sums usage={usage} />}
    </div>
  );
}

function Sums({ usage }: { readonly usage: UsageWire }) {
  if (usage.totals.turns === 0) {
    return (
      <div class="card empty">
        <p>{t('usage.none')}</p>
      </div>
    );
  }
  return (
    <>
      <Totals of={usage.totals} />
      <OverTime usage={usage} />
      <Table
        title={t('usage.models')}
        rows={usage.models}
        name={(id) => <span class="clip">{id || '–'}</span>}
      />
      <Table
        title={t('usage.accounts')}
        rows={usage.accounts}
        name={(id) => <AccountName id={id || null} />}
      />
      <Table title={t('usage.keys')} rows={usage.keys} name={(id) => <KeyName tenant={id} />} />
      <p class="small quiet">{t('usage.prices', { date: day(Date.parse(usage.prices_as_of) / 1000) })}</p>
    </>
  );
}

function Totals({ of }: { readonly of: UsageSumWire }) {
  const figures = [
    [t('usage.turns'), count(of.turns)],
    [t('usage.input'), short(of.input_tokens)],
    [t('usage.cachedShare'), percent(of.cached_tokens, of.input_tokens)],
    [t('usage.output'), short(of.output_tokens)],
    [t('usage.cost'), dollars(of.cost_usd)],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name} class="card figure">
          <dt class="small quiet">{name}</dt>
          <dd>
            <strong>{value}</strong>
          </dd>
        </div>
      ))}
    </dl>
  );
}

const MEASURES = ['tokens', 'cost', 'turns'] as const;
type Measure = (typeof MEASURES)[number];
const BAR = '#4a79e8';

function amountOf(measure: Measure, sum: UsageSumWire): number {
  if (measure === 'tokens') return sum.input_tokens + sum.output_tokens;
  return measure === 'cost' ? (sum.cost_usd ?? 0) : sum.turns;
}

const FORMATS: Readonly<Record<Measure, (value: number) => string>> = {
  tokens: short,
  cost: (value) => `$${value < 10 ? value.toFixed(2) : Math.round(value)}`,
  turns: short,
};

function OverTime({ usage }: { readonly usage: UsageWire }) {
  const [measure, setMeasure] = useState<Measure>('tokens');
  const { times, series } = useMemo(() => {
    const length = Math.ceil((Date.now() / 1000 - usage.since) / usage.step_seconds);
    const stretches = Array.from({ length }, (_, index) => usage.since + index * usage.step_seconds);
    const byTime = new Map(usage.series.map((sum) => [sum.at, amountOf(measure, sum)]));
    const values = stretches.map((at) => byTime.get(at) ?? 0);
    return { times: stretches, series: [{ label: t(`usage.measure.${measure}`), colour: BAR, values }] };
  }, [usage, measure]);
  return (
    <section class="card section">
      <Choice
        label={t('usage.measure')}
        options={MEASURES.map((one) => [one, t(`usage.measure.${one}`)])}
        value={measure}
        onChange={setMeasure}
      />
      <Chart
        label={t('usage.overTime')}
        kind="bars"
        times={times}
        series={series}
        format={FORMATS[measure]}
      />
    </section>
  );
}

interface TableProps {
  readonly title: string;
  readonly rows: UsageWire['models'];
  readonly name: (id: string) => preact.ComponentChildren;
}

function Table({ title, rows, name }: TableProps) {
  return (
    <section class="section">
      <h2>{title}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
      <section class="card tight table-wrap" tabIndex={0} aria-label={title}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{title}</th>
              {[
                t('usage.turns'),
                t('usage.input'),
                t('usage.cachedShare'),
                t('usage.output'),
                t('usage.cost'),
              ].map((head) => (
                <th key={head} scope="col" class="number">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.id}>
                <th scope="row">{name(row.id)}</th>
                <td class="number">{count(row.turns)}</td>
                <td class="number">{count(row.input_tokens)}</td>
                <td class="number">{percent(row.cached_tokens, row.input_tokens)}</td>
                <td class="number">{count(row.output_tokens)}</td>
                <td class="number">{dollars(row.cost_usd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
