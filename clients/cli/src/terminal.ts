/** Where a command writes: results to stdout, everything else to stderr. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The part of a stream that is used; `isTTY` and `columns` are set where a person looks at it. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}
