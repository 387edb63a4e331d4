/** Stops what was started. Calling it again does nothing. */
export type Stop = () => void;

/** Hands each change to all who subscribed, in the order in which they did. */
export class Changes<T> {
  readonly #listeners = new Set<(change: T) => void>();

  /** `listener` gets the changes from now on, until the returned function is called. */
  subscribe(listener: (change: T) => void): Stop {
    // Wrapped, so that one function that subscribes twice is two subscriptions.
    const own = (change: T): void => listener(change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** A listener's error is reported like any uncaught one; it holds up neither the others nor who emits. */
  emit(change: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
