import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Tool, type ToolName, tools } from './tools.ts';

/** The environment variables that say where programs and caches are; `process.env` fits. */
export interface ToolEnvironment {
  /** Folders of programs, separated by `:`. */
  readonly PATH?: string | undefined;
  /** Cache folder of Kerkis, before all others. */
  readonly KERKIS_CACHE?: string | undefined;
  /** Parent of the user's cache folders; `~/.cache` when absent. */
  readonly XDG_CACHE_HOME?: string | undefined;
}

/** A tool that set-up keeps in the cache folder. */
export type CachedProgram = {
  [Name in ToolName]: (typeof tools)[Name] extends { readonly cachedAs: string } ? Name : never;
}[ToolName];

/** Absolute folder outside the source tree where set-up keeps programs and tests keep generated media. */
export function cacheDirectory(environment: ToolEnvironment): string {
  return environment.KERKIS_CACHE || join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kerkis');
}

/** Absolute path in the cache folder where set-up puts a tool, whether or not it is there now. */
export function cachedPath(name: CachedProgram, environment: ToolEnvironment): string;
export function cachedPath(name: ToolName, environment: ToolEnvironment): string | undefined;
export function cachedPath(name: ToolName, environment: ToolEnvironment): string | undefined {
  const tool: Tool = tools[name];
  return tool.cachedAs && join(cacheDirectory(environment), 'bin', tool.cachedAs);
}
