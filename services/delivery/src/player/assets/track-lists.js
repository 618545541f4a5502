// What menus choose from, in the shape that the controls ask a media element for: `videoRenditions` and `audioTracks`.

/** An array that tells of its changes. */
class ObservableList extends EventTarget {
  #entries = [];

  get length() {
    return this.#entries.length;
  }

  [Symbol.iterator]() {
    return this.#entries[Symbol.iterator]();
  }

  indexOf(entry) {
    return this.#entries.indexOf(entry);
  }

  fill(entries) {
    const count = Math.max(this.#entries.length, entries.length);
    this.#entries = entries;
    for (let index = 0; index < count; index += 1) {
      if (index < entries.length) this[index] = entries[index];
      else delete this[index];
    }
    this.dispatchEvent(new Event(this.filledEvent));
  }
}

class Renditions extends ObservableList {
  filledEvent = 'addrendition';
  #selected = -1;
  #choose = () => {};

  /** `entries`: {id, width, height, bitrate}. `choose` is called with an id, or with undefined for an automatic choice. */
  offer(entries, choose) {
    this.#choose = choose;
    this.#selected = -1;
    this.fill(entries.length > 1 ? entries : []);
  }

  get selectedIndex() {
    return this.#selected;
  }

  set selectedIndex(index) {
    this.#selected = index;
    this.#choose(this[index]?.id);
    this.dispatchEvent(new Event('change'));
  }
}

class AudioTracks extends ObservableList {
  filledEvent = 'addtrack';

  /** `entries`: {id, label, language}. `choose` is called with an id. */
  offer(entries, enabledId, choose) {
    let enabled = enabledId;
    const list = this;
    const tracks = entries.map(({ id, label, language }) => ({
      id,
      label,
      language,
      kind: 'main',
      get enabled() {
        return id === enabled;
      },
      set enabled(isWanted) {
        if (!isWanted || id === enabled) return;
        enabled = id;
        choose(id);
        list.dispatchEvent(new Event('change'));
      },
    }));
    this.fill(tracks.length > 1 ? tracks : []);
    this.dispatchEvent(new Event('change'));
  }
}

/** Gives a media element lists that an engine fills. Where the browser plays by itself it keeps its own. */
export function addTrackLists(media) {
  const lists = { videoRenditions: new Renditions(), audioTracks: new AudioTracks() };
  for (const [name, value] of Object.entries(lists)) {
    Object.defineProperty(media, name, { value, configurable: true });
  }
  return lists;
}

/** A language in words, where it is told. */
export function languageName(tag) {
  if (!tag || tag === 'und') return undefined;
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(tag);
  } catch {
    return tag;
  }
}
