/** The members of a union as a list. The compiler refuses the argument when one is missing or unknown. */
export function namesOf<Name extends string>(all: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(all) as Name[];
}
