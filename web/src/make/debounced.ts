/** Debounces `act`: each call restarts the pause, and aborts an `act` that is already running. */
export function debounced(
  milliseconds: number | (() => number),
  act: (signal: AbortSignal) => Promise<void>,
) {
  let timer: ReturnType<typeof setTimeout>;
  let control = new AbortController();
  const stop = () => {
    clearTimeout(timer);
    control.abort();
  };
  const call = () => {
    stop();
    control = new AbortController();
    const { signal } = control;
    // If it fails, the page keeps showing what it had.
    const pause = typeof milliseconds === "number" ? milliseconds : milliseconds();
    timer = setTimeout(() => act(signal).catch(() => {}), pause);
  };
  return Object.assign(call, { stop });
}
