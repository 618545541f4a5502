export { type CachedProgram, cacheDirectory, cachedPath, type ToolEnvironment } from './cache.ts';
export { findTool, toolPath } from './lookup.ts';
export { type GoModule, type Tool, type ToolName, tools } from './tools.ts';
