export type { Rows } from '../store/rows.ts';
