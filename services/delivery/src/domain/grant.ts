/** What a viewer may see of a playback ID, and how. */
export interface Grant {
  /** Only for this viewer: no shared cache may keep an answer. */
  readonly isPrivate: boolean;
  /** The shorter side of the largest picture, pixels. Absent: any. */
  readonly maxHeight?: number;
  /** How much from the beginning. Absent: all of it. */
  readonly previewMs?: number;
  /** The token of the request's query, which the URLs of a manifest are to carry on. */
  readonly carriedToken?: string;
}

/** What everybody may see. */
export const openGrant: Grant = { isPrivate: false };
