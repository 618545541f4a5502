export { subjectOf } from './subject.ts';
