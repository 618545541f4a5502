/** Draws the peaks of the sound, what was played in colour. A picture of what the scrubber says, so it is none of its own for screen readers. */
export async function drawWaveform(canvas, media) {
  const response = await fetch(canvas.dataset.source);
  if (!response.ok) return;
  const { data, bits } = await response.json();
  const points = data.length / 2;
  const full = 2 ** (bits - 1);
  const { accent, quiet } = { accent: colour('--accent'), quiet: colour('--wave') };

  function colour(name) {
    return getComputedStyle(canvas).getPropertyValue(name).trim();
  }

  function draw() {
    const { clientWidth, clientHeight } = canvas;
    if (clientWidth === 0) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = clientWidth * scale;
    canvas.height = clientHeight * scale;
    const context = canvas.getContext('2d');
    context.scale(scale, scale);
    const bar = 3;
    const bars = Math.floor(clientWidth / (bar + 1));
    const played = media.duration > 0 ? media.currentTime / media.duration : 0;
    for (let index = 0; index < bars; index += 1) {
      const from = Math.floor((index * points) / bars);
      const to = Math.max(from + 1, Math.floor(((index + 1) * points) / bars));
      let peak = 0;
      for (let point = from; point < to; point += 1) {
        peak = Math.max(peak, Math.abs(data[point * 2]), Math.abs(data[point * 2 + 1]));
      }
      const height = Math.max(2, (peak / full) * clientHeight);
      context.fillStyle = index / bars < played ? accent : quiet;
      context.fillRect(index * (bar + 1), (clientHeight - height) / 2, bar, height);
    }
  }

  for (const event of ['timeupdate', 'seeking', 'durationchange']) media.addEventListener(event, draw);
  new ResizeObserver(draw).observe(canvas);
  canvas.addEventListener('click', (event) => {
    if (media.duration > 0) media.currentTime = (event.offsetX / canvas.clientWidth) * media.duration;
  });
  canvas.hidden = false;
  draw();
}
