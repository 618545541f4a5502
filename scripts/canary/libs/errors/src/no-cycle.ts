export * from './no-cycle-back.ts';
