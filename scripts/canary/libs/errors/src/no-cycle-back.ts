export * from './no-cycle.ts';
