import '@kerkis/no-such-package';
