/* Plays what `data-source` of the video element names: HLS by hls.js or the browser itself, DASH by dash.js. */
(() => {
  const media = document.getElementById('media');
  const stage = media.parentElement;
  const failure = document.getElementById('failure');
  const failureText = document.getElementById('failure-text');
  const { engine, source } = media.dataset;
  let stop = () => {};

  const byStatus = {
    401: 'The address needs a token, or its token has expired.',
    403: 'This address may not be played here.',
    404: 'Nothing is published at this address.',
    410: 'What was here has been deleted.',
    425: 'It is not ready yet. Try again in a moment.',
    503: 'The server is busy. Try again in a moment.',
  };

  /** What the server itself says about the manifest, when it refuses it. */
  async function serverMessage() {
    const response = await fetch(source, { signal: AbortSignal.timeout(5000) });
    if (response.ok) return undefined;
    const body = (await response.text()).slice(0, 4096);
    try {
      const { message, error } = JSON.parse(body);
      const text = message ?? error?.message;
      if (typeof text === 'string') return text;
    } catch {
      // Not JSON: the status says enough.
    }
    return byStatus[response.status] ?? `The server answered ${response.status}.`;
  }

  async function fail(text) {
    stop();
    stop = () => {};
    let shown = text;
    try {
      shown = (await serverMessage()) ?? text;
    } catch {
      shown = 'The server cannot be reached.';
    }
    failureText.textContent = shown;
    failure.hidden = false;
  }

  /** Fills a menu, or hides it where there is nothing to choose. */
  function menu(id, entries, selected, choose) {
    const label = document.getElementById(id);
    const select = label.querySelector('select');
    select.replaceChildren(
      ...entries.map(({ value, text }) => new Option(text, value, false, value === selected)),
    );
    select.onchange = () => choose(select.value);
    label.hidden = entries.length < 2;
  }

  const rate = (bps) =>
    bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1000)} kbit/s`;

  function languageName(tag) {
    return tag && tag !== 'und' ? new Intl.DisplayNames(['en'], { type: 'language' }).of(tag) : undefined;
  }

  /** One line for each quality, best first; two of one height are told apart by their rate. */
  function qualityEntries(levels) {
    const named = levels.map(({ value, width, height, bps }) => ({
      value,
      bps,
      name: height ? `${Math.min(width || height, height)}p` : rate(bps),
    }));
    return named
      .toSorted((a, b) => b.bps - a.bps)
      .map(({ value, bps, name }) => {
        const twins = named.filter((other) => other.name === name).length;
        return { value, text: twins > 1 ? `${name}, ${rate(bps)}` : name };
      });
  }

  function qualityMenu(levels, choose) {
    const entries = qualityEntries(levels);
    if (entries.length > 1) entries.unshift({ value: 'auto', text: 'Auto' });
    menu('quality', entries, 'auto', choose);
  }

  /** Text that can be chosen, by the index that the player knows it by; what is shown to everybody is no choice. */
  function textMenu(entries, selected, choose) {
    menu('text', [{ value: '-1', text: 'Off' }, ...entries], String(selected), (value) =>
      choose(Number(value)),
    );
  }

  /** Says which quality `Auto` shows now. */
  function showCurrent(value) {
    const { options } = document.querySelector('#quality select');
    const current = [...options].find((option) => option.value === value);
    if (options.length > 1 && current) options[0].textContent = `Auto (${current.textContent})`;
  }

  function playHls() {
    const { Hls } = window;
    if (!Hls?.isSupported()) {
      if (media.canPlayType('application/vnd.apple.mpegurl') === '') {
        fail('This browser can play neither Media Source Extensions nor HLS.');
        return;
      }
      media.src = source;
      media.onerror = () => fail(media.error?.message || 'The browser cannot play this.');
      return;
    }
    const base = Hls.DefaultConfig.fragLoadPolicy.default;
    const hls = new Hls({
      enableWorker: false,
      capLevelToPlayerSize: true,
      // A segment that is not encoded yet is encoded when it is asked for: wait for it.
      fragLoadPolicy: { default: { ...base, maxTimeToFirstByteMs: 45_000 } },
    });
    let recovered = false;
    stop = () => hls.destroy();
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      const levels = hls.levels.map(({ width, height, bitrate }, index) => ({
        value: String(index),
        width,
        height,
        bps: bitrate,
      }));
      qualityMenu(levels, (value) => {
        // Who chooses wants to see it: what is buffered in another quality goes.
        if (value === 'auto') hls.nextLevel = -1;
        else hls.currentLevel = Number(value);
      });
    });
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => showCurrent(String(level)));
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, (_, { audioTracks }) => {
      const entries = audioTracks.map(({ name }, index) => ({ value: String(index), text: name }));
      menu('sound', entries, String(hls.audioTrack), (value) => {
        hls.audioTrack = Number(value);
      });
    });
    hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, (_, { subtitleTracks }) => {
      const entries = subtitleTracks.flatMap(({ name, forced }, index) =>
        forced ? [] : [{ value: String(index), text: name }],
      );
      textMenu(entries, hls.subtitleTrack, (index) => {
        hls.subtitleTrack = index;
      });
    });
    // The browser's own controls choose too.
    hls.on(Hls.Events.SUBTITLE_TRACK_SWITCH, (_, { id }) => {
      document.querySelector('#text select').value = String(id);
    });
    hls.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !recovered) {
        recovered = true;
        hls.recoverMediaError();
        return;
      }
      fail(data.error?.message || data.details);
    });
    hls.loadSource(source);
    hls.attachMedia(media);
  }

  function playDash() {
    const { dashjs } = window;
    if (!dashjs?.supportsMediaSource()) {
      fail('This browser has no Media Source Extensions, which DASH needs.');
      return;
    }
    const player = dashjs.MediaPlayer().create();
    const { events } = dashjs.MediaPlayer;
    stop = () => player.destroy();
    player.updateSettings({
      debug: { logLevel: dashjs.Debug.LOG_LEVEL_NONE },
      streaming: { abr: { limitBitrateByPortal: true }, fragmentRequestTimeout: 45_000 },
    });
    player.on(events.STREAM_INITIALIZED, () => {
      const kind = player.getTracksFor('video').length > 0 ? 'video' : 'audio';
      const levels = player.getRepresentationsByType(kind).map(({ id, width, height, bandwidth }) => ({
        value: id,
        width,
        height,
        bps: bandwidth,
      }));
      qualityMenu(levels, (value) => {
        const isAuto = value === 'auto';
        player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { [kind]: isAuto } } } });
        if (!isAuto) player.setRepresentationForTypeById(kind, value, true);
      });
      const sounds = player.getTracksFor('audio');
      const entries = sounds.map((track, index) => ({
        value: String(index),
        text: track.labels[0]?.text ?? languageName(track.lang) ?? `Sound ${index + 1}`,
      }));
      menu('sound', entries, String(sounds.indexOf(player.getCurrentTrackFor('audio'))), (value) => {
        player.setCurrentTrack(sounds[Number(value)]);
      });
    });
    player.on(events.TEXT_TRACKS_ADDED, ({ tracks }) => {
      const has = ({ roles }, wanted) => roles?.some(({ value }) => value === wanted);
      const entries = tracks.flatMap((track, index) => {
        if (has(track, 'forced-subtitle')) return [];
        const text = track.labels?.[0]?.text ?? languageName(track.lang) ?? `Text ${index + 1}`;
        return [{ value: String(index), text }];
      });
      const shown = tracks.findIndex((track) => has(track, 'main'));
      player.setTextTrack(shown);
      textMenu(entries, shown, (index) => player.setTextTrack(index));
    });
    player.on(events.QUALITY_CHANGE_RENDERED, ({ newRepresentation }) => {
      if (newRepresentation) showCurrent(newRepresentation.id);
    });
    player.on(events.ERROR, ({ error }) => fail(error?.message || 'The player gave up.'));
    player.initialize(media, source, false);
  }

  function play() {
    failure.hidden = true;
    if (engine === 'dash') playDash();
    else playHls();
  }

  media.addEventListener('loadedmetadata', () => {
    const isAudio = media.videoWidth === 0;
    stage.classList.toggle('audio', isAudio);
    const ratio = isAudio ? '16 / 6' : `${media.videoWidth} / ${media.videoHeight}`;
    document.documentElement.style.setProperty('--ratio', ratio);
  });
  document.getElementById('retry').addEventListener('click', play);
  document.documentElement.classList.toggle('framed', window.self !== window.top);
  play();
})();
