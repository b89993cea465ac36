import { expect, test } from 'vitest';
import { readEnvelope } from './request.ts';

const read = (body: object) => readEnvelope(Buffer.from(JSON.stringify(body)));

test('a stored prompt may name the model in place of the request', () => {
  for (const body of [
    { prompt: { id: 'pmpt_1' } },
    { model: null, prompt: { id: 'pmpt_1', version: '2' } },
  ]) {
    expect(read(body)).toMatchObject({ ok: true, envelope: { model: '' } });
  }
  const both = { model: 'gpt-5.5', prompt: { id: 'pmpt_1' } };
  expect(read(both)).toMatchObject({ ok: true, envelope: { model: 'gpt-5.5' } });
});

test.each([
  {},
  { prompt: null },
  { prompt: 'pmpt_1' },
  { prompt: {} },
  { prompt: { id: '' } },
  { prompt: { id: 1 } },
  { model: '', prompt: { id: 'pmpt_1' } },
  { model: 7, prompt: { id: 'pmpt_1' } },
  { model: null },
])('%j names no model and no stored prompt', (body) => {
  expect(read(body)).toMatchObject({ ok: false, refused: { status: 400, error: { param: 'model' } } });
});
