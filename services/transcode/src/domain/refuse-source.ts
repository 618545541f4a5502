import type { KerkisConfig } from '@kerkis/config';
import { KerkisError } from '@kerkis/errors';
import type { SourceInfo } from '@kerkis/media';

/** Throws for a source that the configuration does not allow, although it could be encoded. */
export function refuseSource(inputs: KerkisConfig['inputs'], { container, video, audios }: SourceInfo): void {
  if (!(inputs.containers as readonly string[]).includes(container)) {
    throw refused(
      'SOURCE_CONTAINER_REFUSED',
      `Files of kind "${container}" are not allowed here (inputs.containers).`,
    );
  }
  if (video && !inputs.videoCodecs.includes(video.codec)) {
    throw refused(
      'SOURCE_CODEC_REFUSED',
      `Video codec "${video.codec}" is not allowed here (inputs.videoCodecs).`,
    );
  }
  const audio = audios.find(({ codec }) => !inputs.audioCodecs.includes(codec));
  if (audio) {
    throw refused(
      'SOURCE_CODEC_REFUSED',
      `Audio codec "${audio.codec}" is not allowed here (inputs.audioCodecs).`,
    );
  }
  if (video && (video.width > inputs.maxWidth || video.height > inputs.maxHeight)) {
    const limit = `${inputs.maxWidth}×${inputs.maxHeight}`;
    throw refused(
      'SOURCE_TOO_LARGE_PICTURE',
      `The picture is ${video.width}×${video.height}; at most ${limit} is allowed.`,
    );
  }
}

const refused = (reason: string, message: string) => new KerkisError('unsupported', reason, message);
