export type { KerkisError } from '@kerkis/ids';
