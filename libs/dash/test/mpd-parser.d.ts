declare module 'mpd-parser' {
  interface ParsedPlaylist {
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly endList: boolean;
    readonly segments: readonly {
      readonly resolvedUri: string;
      readonly duration: number;
      readonly number: number;
      readonly presentationTime: number;
      readonly map: { readonly resolvedUri: string };
    }[];
  }
  export function parse(
    manifest: string,
    options: { readonly manifestUri: string },
  ): {
    readonly duration: number;
    readonly playlists: readonly ParsedPlaylist[];
    readonly mediaGroups: Readonly<
      Record<
        string,
        Readonly<
          Record<
            string,
            Readonly<
              Record<
                string,
                {
                  readonly language: string;
                  readonly default: boolean;
                  readonly playlists: readonly ParsedPlaylist[];
                }
              >
            >
          >
        >
      >
    >;
  };
}
