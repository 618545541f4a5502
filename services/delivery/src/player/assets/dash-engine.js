/* global dashjs */
import { languageName } from './track-lists.js';

/** dash.js labels text with a number that it finds it by again. */
function nameTextsInMenu() {
  customElements.whenDefined('media-captions-menu').then((Menu) => {
    Menu.formatMenuItemText = (text, track) => (/^\d+$/.test(text) && languageName(track?.language)) || text;
  });
}

/** Plays DASH. `told` hears of failures: `told(code, isFatal, text)`. */
export function playDash({ media, source, startSeconds, lists, told }) {
  const player = dashjs.MediaPlayer().create();
  const { events } = dashjs.MediaPlayer;
  player.updateSettings({
    debug: { logLevel: dashjs.Debug.LOG_LEVEL_NONE },
    streaming: {
      abr: { limitBitrateByPortal: true },
      fragmentRequestTimeout: 45_000,
      retryAttempts: { MediaSegment: 8, InitializationSegment: 8 },
      retryIntervals: { MediaSegment: 2000, InitializationSegment: 2000 },
    },
  });
  player.on(events.STREAM_INITIALIZED, () => {
    const levels = player
      .getRepresentationsByType('video')
      .map(({ id, width, height, bandwidth }) => ({ id, width, height, bitrate: bandwidth }));
    lists.videoRenditions.offer(levels, (id) => {
      player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: id === undefined } } } });
      if (id !== undefined) player.setRepresentationForTypeById('video', id, true);
    });
    const sounds = player.getTracksFor('audio');
    const entries = sounds.map(({ labels, lang }, index) => ({
      id: String(index),
      label: labels[0]?.text ?? languageName(lang) ?? `Sound ${index + 1}`,
      language: lang,
    }));
    const enabled = sounds.indexOf(player.getCurrentTrackFor('audio'));
    lists.audioTracks.offer(entries, String(enabled), (id) => player.setCurrentTrack(sounds[Number(id)]));
  });

  nameTextsInMenu();
  let offered = [];
  const isText = ({ kind }) => kind === 'subtitles' || kind === 'captions';
  const shownText = () => [...media.textTracks].filter(isText).find(({ mode }) => mode === 'showing');
  const followMenu = () => {
    const shown = shownText();
    const index = shown ? [...media.textTracks].filter(isText).indexOf(shown) : -1;
    if (offered.length > 0 && player.getCurrentTextTrackIndex() !== index) player.setTextTrack(index);
  };
  player.on(events.TEXT_TRACKS_ADDED, ({ tracks }) => {
    const has = ({ roles }, wanted) => roles?.some(({ value }) => value === wanted);
    offered = tracks;
    player.setTextTrack(tracks.findIndex((track) => has(track, 'main')));
    media.textTracks.addEventListener('change', followMenu);
  });
  player.on(events.ERROR, ({ error }) => {
    const code = error?.code;
    const { errors } = dashjs.MediaPlayer;
    const isManifest = [
      errors.MANIFEST_LOADER_LOADING_FAILURE_ERROR_CODE,
      errors.DOWNLOAD_ERROR_ID_MANIFEST_CODE,
      errors.MANIFEST_LOADER_PARSING_FAILURE_ERROR_CODE,
    ].includes(code);
    const isNetwork = [
      errors.FRAGMENT_LOADER_LOADING_FAILURE_ERROR_CODE,
      errors.DOWNLOAD_ERROR_ID_CONTENT_CODE,
      errors.DOWNLOAD_ERROR_ID_INITIALIZATION_CODE,
    ].includes(code);
    const name = isManifest ? 'manifest' : isNetwork ? 'network' : 'media';
    told(name, true, error?.message || 'The player gave up.');
  });
  player.initialize(media, source, media.autoplay, startSeconds);
  return () => {
    media.textTracks.removeEventListener('change', followMenu);
    player.destroy();
  };
}
