/**
 * Apollo's queries and mutations, for what the page asks beside its feed and its outbox. Loaded when first needed: the
 * cache alone, with what stands in it, is a third of the size.
 */
import { ApolloClient } from "@apollo/client/core";
import { ApolloLink } from "@apollo/client/link";
import { Observable } from "rxjs";
import type { TodokuCache } from "./cache.ts";
import { RequestFailed, type Endpoint, type Variables } from "./endpoint.ts";

export function createApollo(cache: TodokuCache, endpoint: Endpoint): ApolloClient {
  return new ApolloClient({ cache, link: linkTo(endpoint), devtools: { enabled: false } });
}

function linkTo(endpoint: Endpoint): ApolloLink {
  return new ApolloLink(
    ({ query, variables }) =>
      new Observable((observer) => {
        const aborting = new AbortController();
        void endpoint.execute<Record<string, unknown>, Variables>(query, variables, aborting.signal).then((answer) => {
          if (answer.kind !== "data") return observer.error(new RequestFailed(answer));
          observer.next({ data: answer.data });
          observer.complete();
        });
        return () => aborting.abort();
      }),
  );
}
