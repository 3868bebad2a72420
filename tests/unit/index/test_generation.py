import numpy as np

from index.generation.generation import CACHED_FILTERS
from index.retrieval.dense_index import AllowedSentences
from index.retrieval.filter import Filter
from index.storage.lru import LruCache


def test_a_filter_is_worked_out_once_while_it_is_among_the_last_used() -> None:
    filters: LruCache[Filter, AllowedSentences] = LruCache(CACHED_FILTERS)
    worked_out: list[str] = []

    def ask(year: str) -> AllowedSentences:
        def work_out(_: Filter) -> AllowedSentences:
            worked_out.append(year)
            return AllowedSentences(np.zeros(0, dtype=bool), 0, {"years": [int(year)]})

        return filters.get_or_compute(Filter(years=(year,)), work_out)

    years = [str(2000 + n) for n in range(CACHED_FILTERS)]
    assert [ask(year).filter_ids for year in years] == [{"years": [int(year)]} for year in years]
    assert ask(years[0]) is ask(years[0])
    assert worked_out == years
    ask("1999")  # takes the place of the second, which was not used again
    assert worked_out == [*years, "1999"]
    ask(years[0])
    assert worked_out == [*years, "1999"]
    ask(years[1])
    assert worked_out == [*years, "1999", years[1]]
