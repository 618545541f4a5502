declare module 'm3u8-parser' {
  interface Attributes {
    readonly [name: string]: unknown;
  }
  interface Rendition {
    readonly default: boolean;
    readonly autoselect: boolean;
    readonly forced?: boolean;
    readonly language?: string;
    readonly uri: string;
  }
  export class Parser {
    push(chunk: string): void;
    end(): void;
    on(event: string, listener: (told: unknown) => void): void;
    readonly manifest: {
      readonly version: number;
      readonly endList?: boolean;
      readonly playlistType?: string;
      readonly targetDuration?: number;
      readonly independentSegments?: boolean;
      readonly mediaSequence?: number;
      readonly playlists?: readonly { readonly uri: string; readonly attributes: Attributes }[];
      readonly iFramesOnly?: boolean;
      readonly iFramePlaylists?: readonly { readonly uri: string; readonly attributes: Attributes }[];
      readonly mediaGroups: Readonly<
        Record<string, Readonly<Record<string, Readonly<Record<string, Rendition>>>>>
      >;
      readonly segments: readonly {
        readonly uri: string;
        readonly duration: number;
        readonly map: { readonly uri: string };
        readonly byterange?: { readonly offset: number; readonly length: number };
      }[];
    };
  }
}
