import manifest from '../package.json' with { type: 'json' };

/** Version of Kerkis: all packages carry the same one. */
export const version: string = manifest.version;
