import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { KerkisError } from '@kerkis/errors';
import { cachedPath, type ToolEnvironment } from './cache.ts';
import { type Tool, type ToolName, tools } from './tools.ts';

/**
 * Absolute path of an external program: from PATH, else from the cache folder, else its substitute.
 *
 * Throws KerkisError `precondition` TOOL_MISSING, whose message says how to get it.
 */
export function toolPath(name: ToolName, environment: ToolEnvironment): string {
  const found = findTool(name, environment);
  if (found) return found;
  const tool: Tool = tools[name];
  const remedy = tool.command
    ? `Run "npm run setup", or install the Debian package ${tool.debianPackage}.`
    : `Run "npm run setup -- ${name === 'jaeger' ? '--with-jaeger' : '--for-tests'}".`;
  throw new KerkisError('precondition', 'TOOL_MISSING', `${name} is missing (${tool.purpose}). ${remedy}`, {
    details: { tool: name },
  });
}

/** Like {@link toolPath}, but undefined when the program is missing. */
export function findTool(name: ToolName, environment: ToolEnvironment): string | undefined {
  const tool: Tool = tools[name];
  // A relative folder in PATH would make the answer depend on the working directory.
  const folders = (environment.PATH ?? '').split(delimiter).filter(isAbsolute);
  // Debian keeps daemons such as nats-server where only root has them on PATH.
  folders.push('/usr/local/sbin', '/usr/sbin');
  const { command } = tool;
  const candidates = command ? folders.map((folder) => join(folder, command)) : [];
  const cached = cachedPath(name, environment);
  if (cached) candidates.push(cached);
  const found = candidates.find(isExecutable);
  return found ?? (tool.substitute && findTool(tool.substitute, environment));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
