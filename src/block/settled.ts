// Several loads at once: all are waited for before the first failure is thrown, so that none is
// left to fail unheard or to fetch for a query that has ended.

/** What each answers, in order. */
export async function allSettled<const T extends readonly Promise<unknown>[]>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(work);
  const values = results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  return values as { -readonly [K in keyof T]: Awaited<T[K]> };
}
