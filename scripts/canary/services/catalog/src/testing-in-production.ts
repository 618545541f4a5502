import '@kerkis/testing';
