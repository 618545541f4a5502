export const root = true;
