import type { Cache } from "@apollo/client";
import type { TodokuCache } from "./cache.ts";
import { Changes, type Stop } from "./changes.ts";
import { CachedDetailsDocument, type CachedDetailsQuery, type CachedDetailsQueryVariables } from "./generated/operations.ts";

export type RoomDetailsView = NonNullable<CachedDetailsQuery["room"]>;

/** What the page says about its room: name, topic, the viewer's standing, members. */
export class RoomDetails {
  readonly #changes = new Changes<RoomDetailsView>();
  readonly #stopWatching: Stop;
  #view: RoomDetailsView;

  /** The cache has the page's data already, which is `page`. */
  constructor(cache: TodokuCache, page: RoomDetailsView) {
    this.#view = page;
    this.#stopWatching = cache.watch<CachedDetailsQuery, CachedDetailsQueryVariables>({
      query: CachedDetailsDocument,
      variables: { roomId: page.id },
      optimistic: false,
      returnPartialData: true,
      immediate: true,
      callback: (diff) => this.#onChange(diff),
    });
  }

  get view(): RoomDetailsView {
    return this.#view;
  }

  subscribe(listener: (view: RoomDetailsView) => void): Stop {
    return this.#changes.subscribe(listener);
  }

  stop(): void {
    this.#stopWatching();
  }

  #onChange(diff: Cache.DiffResult<CachedDetailsQuery>): void {
    if (!diff.complete || diff.result.room === null) return;
    this.#view = diff.result.room;
    this.#changes.emit(this.#view);
  }
}
