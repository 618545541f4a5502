import { KerkisError } from '@kerkis/errors';
import { findTool, type Tool, type ToolName, tools } from '@kerkis/tools';
import { run } from './run.ts';

const noninteractive = { DEBIAN_FRONTEND: 'noninteractive' };

/**
 * Installs the Debian packages of those tools that are missing. What is optional may stay away; for the rest, a
 * KerkisError tells the line to type when this user may not install packages.
 */
export async function installDebianPackages(
  required: readonly ToolName[],
  { optional }: { readonly optional: readonly ToolName[] },
): Promise<void> {
  const packages = packagesOf([...required, ...optional]);
  if (packages.length === 0) return;
  const command = await installCommand();
  const line = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (command) {
    console.log(`Installing Debian packages: ${packages.join(' ')} ...`);
    await install(command, packages).catch((error: Error) => console.error(error.message));
  }
  const missing = required.filter((name) => !findTool(name, process.env));
  if (missing.length > 0) {
    throw new KerkisError(
      'precondition',
      'PACKAGES_MISSING',
      `Missing: ${missing.map(describe).join(', ')}.\nInstall with: ${line}\n(On another system, the packages that hold the same programs.)`,
    );
  }
  for (const name of optional) {
    if (!findTool(name, process.env)) console.log(`Going on without ${describe(name)}.`);
  }
}

/** Refreshes the package lists once, when the first attempt fails for want of them. */
async function install(command: readonly string[], packages: readonly string[]): Promise<void> {
  const aptGet = (...args: string[]) => {
    const [program = 'apt-get', ...before] = command;
    return run(program, [...before, ...args], { environment: noninteractive });
  };
  const arguments_ = ['install', '-y', '--no-install-recommends', ...packages];
  try {
    await aptGet(...arguments_);
  } catch {
    await aptGet('update');
    await aptGet(...arguments_);
  }
}

/** How this user calls apt-get with the right to install, or undefined. */
async function installCommand(): Promise<string[] | undefined> {
  const attempts = process.getuid?.() === 0 ? [['apt-get']] : [['sudo', '-n', 'apt-get']];
  for (const [program = '', ...args] of attempts) {
    const allowed = await run(program, [...args, '--version']).catch(() => undefined);
    if (allowed !== undefined) return [program, ...args];
  }
  return undefined;
}

function packagesOf(names: readonly ToolName[]): string[] {
  const missing = names.filter((name) => !findTool(name, process.env));
  return [...new Set(missing.flatMap((name) => ((tools[name] as Tool).debianPackage ?? name).split(' ')))];
}

function describe(name: ToolName): string {
  return `${name} (${tools[name].purpose})`;
}
