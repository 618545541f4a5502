import { Command, CommanderError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { defineAsset } from './commands/asset.ts';
import { defineEdge } from './commands/edge.ts';
import { defineJob } from './commands/job.ts';
import { defineKeys } from './commands/keys.ts';
import { defineToken } from './commands/token.ts';
import { defineUp } from './commands/up.ts';
import { defineUpload } from './commands/upload.ts';
import { defineWorkers } from './commands/workers.ts';
import { failureOf } from './failure.ts';
import { defineGlobalOptions, serverOf } from './global-options.ts';
import type { Terminal } from './terminal.ts';

const examples = `
Examples:
  kerkis up                              run the mesh on this machine, data in ./data
  kerkis upload film.mp4 --wait ready    upload, show the progress, print where it plays
  kerkis asset list --state failed       what went wrong
  kerkis job watch JOB_ID                how far an encoding job is
  kerkis token PBK_ID --help             let somebody watch what is signed

Exit codes: 0 done, 1 failed (the reason is on stderr), 2 wrong usage.`;

/** Runs one command line and resolves with its exit code. */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal);
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const failure = failureOf(error, serverOf(program));
    terminal.stderr.write(`kerkis: ${failure.reason}: ${failure.message}\n`);
    // Some messages name every problem themselves.
    const untold = failure.violations.filter(({ description }) => !failure.message.includes(description));
    for (const { field, description } of untold) terminal.stderr.write(`  ${field}: ${description}\n`);
    return 1;
  }
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('kerkis')
    .description('Self-hosted media platform: upload, catalog, transcode and deliver video and audio.')
    .version(manifest.version)
    .exitOverride()
    .showHelpAfterError('(add --help for what is possible)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .addHelpText('after', examples);
  defineGlobalOptions(program);
  defineUp(program, terminal);
  defineUpload(program, terminal);
  defineAsset(program, terminal);
  defineJob(program, terminal);
  defineWorkers(program, terminal);
  defineEdge(program, terminal);
  defineKeys(program, terminal);
  defineToken(program, terminal);
  return program;
}
