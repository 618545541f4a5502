/** Aborted by the first SIGTERM or SIGINT, or when the process that started this one as its worker is gone. A second signal ends the process as usual. */
export function untilSignal(main: Pick<NodeJS.Process, 'once' | 'off'>): AbortSignal {
  const stopping = new AbortController();
  const stop = () => {
    main.off('SIGTERM', stop);
    main.off('SIGINT', stop);
    main.off('disconnect', stop);
    stopping.abort();
  };
  main.once('SIGTERM', stop);
  main.once('SIGINT', stop);
  main.once('disconnect', stop);
  return stopping.signal;
}
