import '../../../../../libs/ids/src/ids.test.ts';
