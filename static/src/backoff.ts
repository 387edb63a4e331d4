/** Exponential back-off with full jitter: any delay between nothing and a bound that doubles, up to a cap. */
export interface Backoff {
  /** The bound of the first delay, in milliseconds. */
  readonly base: number;
  readonly cap: number;
}

/** https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter"); `attempt` counts from 0. */
export function delayBefore(attempt: number, { base, cap }: Backoff, random: () => number): number {
  return random() * Math.min(cap, base * 2 ** Math.min(attempt, 30));
}
