"""Pages of a search that looks at a bounded number of rows.

A search by several things at once walks one index and looks at each row for the rest. Where hardly any row is wanted,
filling a page could mean walking millions. So such a statement stops after 5,000 rows and answers the last of them
whatever it is, with `horizon` true and `wanted` as it turned out; the search goes on there with the next page.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar


class Named(Protocol):
    """A row whose columns are read by their names."""

    def __getitem__(self, name: str, /) -> Any: ...


R = TypeVar("R", bound=Named)


def cut_search(rows: Sequence[R], limit: int) -> tuple[Sequence[R], R | None]:
    """Cut what a statement answered to `limit + 1` rows; answers a page, and the row after which the next one begins.

    That is None on the last page. A page may have fewer rows than the limit, even none, and not be the last.
    """
    wanted = [row for row in rows if row["wanted"]]
    if len(wanted) > limit:
        return wanted[:limit], wanted[limit - 1]
    return wanted, rows[-1] if rows and rows[-1]["horizon"] else None
