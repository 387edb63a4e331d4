/** What went wrong with a request of the page's own, in words. */
import { RequestFailed } from "./endpoint.ts";
import { reasonInWords, words } from "./words.ts";

export function problemInWords(error: unknown): string {
  if (!(error instanceof RequestFailed) || error.answer.kind !== "refused") return words.failedOtherwise;
  return reasonInWords(error.answer.failure);
}
