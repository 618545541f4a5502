/** What the Kerkis process of the bench says of itself. */
export interface KerkisTargets {
  readonly port: number;
  readonly securePort: number;
  /** Path of a playlist of about 1 KiB as it is sent, with its token. */
  readonly list: string;
  /** Its body as it is sent, base64. */
  readonly listBytes: string;
  /** Of 100 KiB each. */
  readonly small: readonly string[];
  /** Of 2 MiB each. */
  readonly large: readonly string[];
}

/** What is asked for. */
export const shapes = ['1 KiB', '100 KiB', '2 MiB', '256 KiB range'] as const;
export type Shape = (typeof shapes)[number];

/** A server under load. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  /** Of the same with TLS. */
  readonly secureUrl?: string | undefined;
  readonly paths: Readonly<Record<'list' | 'small' | 'large', readonly string[]>>;
}
