import { runService } from '@kerkis/mesh';
import { startDelivery } from './service.ts';

await runService(process, 'delivery', startDelivery, { workersOf: ({ delivery }) => delivery.workers });
