/**
 * Lists that come in pages, as one sequence. Owns the walk from page to page; each page is a
 * read of its own, so a list that changes meanwhile is as of each page's time.
 *
 * @module
 */

/** One page and the token of the next; an empty token ends the list. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
}

/** All items, page by page, as they are asked for. */
export async function* allPages<T>(
  fetchPage: (pageToken: string) => Promise<Page<T>>,
): AsyncGenerator<T, void, void> {
  let token = "";
  do {
    const page = await fetchPage(token);
    yield* page.items;
    token = page.nextPageToken;
  } while (token !== "");
}
