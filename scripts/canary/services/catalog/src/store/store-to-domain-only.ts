export type { Handler } from '../rpc/handler.ts';
