import '@kerkis/catalog';
