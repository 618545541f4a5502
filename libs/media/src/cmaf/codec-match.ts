/** The parts of an RFC 6381 name that a decoder goes by: what must be equal, and tier and level, which may be lower. */
interface DecoderNeeds {
  readonly exact: string;
  readonly level: number;
  readonly isHighTier?: boolean;
}

/**
 * Whether a decoder that was promised `planned` plays `written`: the same codec, profile and depth, and no higher tier or level.
 * Flags that only tell more about the pictures may differ.
 */
export function playsAs(written: string, planned: string): boolean {
  const [is, wanted] = [needsOf(written), needsOf(planned)];
  if (is === undefined || is.exact !== wanted?.exact) return false;
  return is.level <= wanted.level && (!is.isHighTier || wanted.isHighTier === true);
}

function needsOf(name: string): DecoderNeeds | undefined {
  const avc = /^avc1\.([0-9a-f]{2})[0-9a-f]{2}([0-9a-f]{2})$/.exec(name);
  if (avc) return { exact: `avc1 ${avc[1]}`, level: Number.parseInt(avc[2] ?? '', 16) };
  const hevc = /^hvc1\.([ABC]?\d+)\.[0-9A-F]+\.([LH])(\d+)/.exec(name);
  if (hevc) return { exact: `hvc1 ${hevc[1]}`, isHighTier: hevc[2] === 'H', level: Number(hevc[3]) };
  const vp9 = /^vp09\.(\d\d)\.(\d\d)\.(\d\d)/.exec(name);
  if (vp9) return { exact: `vp09 ${vp9[1]} ${vp9[3]}`, level: Number(vp9[2]) };
  const av1 = /^av01\.(\d)\.(\d\d)([MH])\.(\d\d)/.exec(name);
  if (!av1) return undefined;
  return { exact: `av01 ${av1[1]} ${av1[4]}`, isHighTier: av1[3] === 'H', level: Number(av1[2]) };
}
