import { runService } from '@kerkis/mesh';
import { startTranscode } from './service.ts';

await runService(process, 'transcode', startTranscode);
