import 'node:fs/promises';
