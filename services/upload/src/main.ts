import { runService } from '@kerkis/mesh';
import { startUpload } from './service.ts';

await runService(process, 'upload', startUpload);
