export { type Environment, fallbackVariables, testVariablePrefix, toolVariables } from './environment.ts';
export { jsonSchema } from './json-schema.ts';
export { type LoadOptions, loadConfig, parseConfig } from './load.ts';
export { referenceMarkdown } from './reference.ts';
export type { KerkisConfig } from './schema.ts';
export { builtInProfiles, defaultAudioBitrateBps, type ProfileConfig } from './sections/profiles.ts';
