export type Rows = readonly string[];
