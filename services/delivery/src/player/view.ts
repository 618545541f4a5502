import type { PlayerView } from './page.ts';

const longestStartSeconds = 360_000;

/** Reads what the address of a page asks for: `player=dash`, `embed`, `autoplay`, `muted`, `loop`, `t=90` or `t=1m30s`. */
export function playerView(query: URLSearchParams): PlayerView {
  return {
    dash: query.get('player') === 'dash',
    embed: isOn(query.get('embed')),
    autoplay: isOn(query.get('autoplay')),
    muted: isOn(query.get('muted')),
    loop: isOn(query.get('loop')),
    startSeconds: startSeconds(query.get('t')),
  };
}

/** `?loop`, `?loop=1` and `?loop=true` alike. */
function isOn(value: string | null): boolean {
  return value !== null && !/^(?:0|false|no|off)$/i.test(value);
}

function startSeconds(text: string | null): number | undefined {
  const plain = /^\d{1,6}(?:\.\d{1,3})?s?$/.exec(text ?? '');
  const [, hours = 0, minutes = 0, seconds = 0] =
    /^(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s)?$/.exec(text ?? '') ?? [];
  const found = plain
    ? Number.parseFloat(plain[0])
    : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return found > 0 && found <= longestStartSeconds ? found : undefined;
}
