/** What went wrong with a request of the page's own, in words. */
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { reasonInWords, words } from "./words.ts";

export function problemInWords(error: unknown): string {
  if (!CombinedGraphQLErrors.is(error)) return words.failedOtherwise;
  const reason = error.errors[0]?.extensions?.["reason"];
  return typeof reason === "string" ? reasonInWords({ reason }) : words.failedOtherwise;
}
