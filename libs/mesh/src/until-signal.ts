/** Aborted by the first SIGTERM or SIGINT. A second one ends the process as usual. */
export function untilSignal(main: Pick<NodeJS.Process, 'once' | 'off'>): AbortSignal {
  const stopping = new AbortController();
  const stop = () => {
    main.off('SIGTERM', stop);
    main.off('SIGINT', stop);
    stopping.abort();
  };
  main.once('SIGTERM', stop);
  main.once('SIGINT', stop);
  return stopping.signal;
}
