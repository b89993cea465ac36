/** A subject of the report, which measures itself on a stage and yields one row or several. */
import type { Stage } from './stage.ts';
import type { Row } from './table.ts';

export interface Line {
  readonly name: string;
  /** Needs what only our own server offers: its admin API, fresh processes. */
  readonly only?: 'respool';
  measure(stage: Stage, rounds: number): Promise<readonly Row[]>;
}
