import { ChunkClass } from '@kerkis/contracts/transcode';
import type { EncodingProfile, MediaPlan } from '@kerkis/media';

/** What all side work has. */
interface SideWorkBase {
  /** Tells it from other side work of its kind. */
  readonly name: string;
  /** Tracks that must be complete before it is given out. None: as soon as no head waits any more. */
  readonly needs: readonly string[];
}

/** Work of a job that makes no segments. Plain data: kept in the record of its chunk. */
export type SideWork = SideWorkBase &
  (
    | { readonly kind: 'poster' }
    | { readonly kind: 'thumbnail'; readonly timeMs: number; readonly width: number }
  );

/** Kinds of side work. */
export type SideKind = SideWork['kind'];

/** Side work of one kind. */
export type SideWorkOf<K extends SideKind> = Extract<SideWork, { readonly kind: K }>;

/** What side work gave, by its kind. Plain data: kept in the record of its chunk. */
export interface SideResults {
  readonly poster: { readonly kind: 'poster' };
  readonly thumbnail: { readonly kind: 'thumbnail' };
}

/** What one side work gave. */
export type SideResult = SideResults[SideKind];

/** Side work that a plan asks for. */
export interface PlannedSideWork {
  readonly work: SideWork;
  readonly class: ChunkClass;
}

/** All side work of a plan, in the order in which it is given out. None of it fails its job. */
export function sideWorkOf(plan: MediaPlan, { extras }: Pick<EncodingProfile, 'extras'>): PlannedSideWork[] {
  const { source } = plan;
  const hasPicture = source.video !== undefined || source.attachedPicture !== undefined;
  const works: SideWork[] = [
    ...(extras?.poster && hasPicture ? [{ kind: 'poster', name: '', needs: [] } as const] : []),
  ];
  return works.map((work) => ({ work, class: ChunkClass.BULK }));
}
