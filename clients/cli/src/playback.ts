/** Where an asset plays: stable from the moment its upload began. */
export function playbackUrls(server: string, playbackId: string) {
  return {
    player: `${server}/play/${playbackId}`,
    hls: `${server}/v/${playbackId}/master.m3u8`,
    dash: `${server}/v/${playbackId}/manifest.mpd`,
  };
}
