/** An enum of Protobuf as generated: names to numbers and back. */
type States = Readonly<Record<string, string | number>>;

/** How states are written on the command line: `source_ready`. */
export function stateNames(states: States): string[] {
  return Object.entries(states)
    .filter(([, value]) => typeof value === 'number' && value !== 0)
    .map(([name]) => name.toLowerCase());
}

/** The state of that name; 0, which is any, without one. */
export function stateNamed(states: States, name: string | undefined): number {
  return name === undefined ? 0 : Number(states[name.toUpperCase()]);
}
