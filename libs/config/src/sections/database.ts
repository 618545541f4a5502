import { optionalText, section } from '../setting.ts';

/** The record. */
export const database = section('The document database: the record of everything.', {
  url: optionalText(
    {
      description: 'sqlite:<path>, or mongodb://… with the database name in its path.',
      absent: 'sqlite:<dataDirectory>/kerkis.db',
      secret: true,
    },
    {
      pattern: /^(sqlite:\S.*|mongodb(\+srv)?:\/\/\S+)$/,
      form: 'sqlite:<path>, mongodb://host/name or mongodb+srv://host/name',
    },
  ),
});
