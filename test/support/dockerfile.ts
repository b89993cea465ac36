/** Reads a Dockerfile as far as ours goes, for checks of what it says. Carries nothing out. */

export interface Step {
  readonly instruction: string;
  readonly rest: string;
}

export interface Stage {
  readonly from: string;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

export interface Copy {
  /** The stage it comes from; absent: the folder that is built. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export function readDockerfile(text: string): readonly Stage[] {
  const stages: { from: string; name: string | undefined; steps: Step[] }[] = [];
  for (const line of text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')) {
    const [, instruction, rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (instruction === undefined) continue;
    const [from = '', , name] = rest.split(/\s+/);
    if (instruction === 'FROM') stages.push({ from, name, steps: [] });
    else stages.at(-1)?.steps.push({ instruction, rest });
  }
  return stages;
}

/** The stage that becomes the image. */
export function imageOf(stages: readonly Stage[]): Stage {
  const last = stages.at(-1);
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  return last;
}

export function readCopy(rest: string): Copy {
  const from = /--from=(\S+)/.exec(rest)?.[1];
  const paths = rest.split(/\s+/).filter((word) => word !== '' && !word.startsWith('--'));
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

/** What the last step of that kind says. */
export function said(stage: Stage, instruction: string): string {
  const step = stage.steps.findLast((one) => one.instruction === instruction);
  if (step === undefined) throw new Error(`the image has no ${instruction}`);
  return step.rest;
}

/** `CMD ["node", "x.js"]`, also behind the flags of a health check. A shell form is refused: it would eat signals. */
export function readCommand(rest: string): readonly [string, ...string[]] {
  const [first, ...others] = JSON.parse(rest.slice(rest.indexOf('['))) as string[];
  if (first === undefined) throw new Error(`no command in ${rest}`);
  return [first, ...others];
}

export function environmentOf(stage: Stage): Readonly<Record<string, string>> {
  const all = stage.steps.filter((step) => step.instruction === 'ENV').map((step) => step.rest);
  return Object.fromEntries(
    [...all.join(' ').matchAll(/(\w+)=(\S*)/g)].map(([, name, value]) => [name, value]),
  );
}
