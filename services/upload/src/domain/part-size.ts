const mebibyte = 1024 * 1024;
/** S3 takes 10,000 parts; the rest is for numbers that were left out. */
const plannedParts = 9000;

/** Size of the parts of a file: as configured, or larger where that would make too many. In whole MiB. */
export function partSizeFor(sizeBytes: number, configuredBytes: number): number {
  const leastBytes = Math.max(configuredBytes, Math.ceil(sizeBytes / plannedParts));
  return Math.ceil(leastBytes / mebibyte) * mebibyte;
}
