import { runService } from '@kerkis/mesh';
import { startCatalog } from './service.ts';

await runService(process, 'catalog', startCatalog);
