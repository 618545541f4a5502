import type { SourceBytes } from '../../source/source-bytes.ts';

/** Bytes of a file, by ranges. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Bytes from `at` on; fewer at the end of the file. Throws SamplingRefusal when so much was read that a scan is no worse. */
  read(at: number, length: number): Promise<Buffer>;
}

/** Why samples do not tell what a scan of all packets would. Stays inside the probe: whoever asks for samples gets none. */
export class SamplingRefusal extends Error {}

/** The bytes of an open file, at most `maxBytes` of them. */
export function bytesOfFile(file: SourceBytes, sizeBytes: number, maxBytes: number): ByteSource {
  let left = maxBytes;
  return {
    sizeBytes,
    async read(at, length) {
      const wanted = Math.max(0, Math.min(length, sizeBytes - at));
      left -= wanted;
      if (left < 0) throw new SamplingRefusal('too much of the file would have to be read');
      const bytes = Buffer.allocUnsafe(wanted);
      const { bytesRead } = await file.read(bytes, 0, wanted, at);
      return bytes.subarray(0, bytesRead);
    },
  };
}
