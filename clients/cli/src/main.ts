#!/usr/bin/env node
import { runCommand } from './program.ts';

// A reader that has seen enough, as in `kerkis asset list | head -1`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

// Nothing may keep a process alive whose command is done.
process.exit(await runCommand(process.argv, process));
