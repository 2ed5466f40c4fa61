from worksphere_hub.db.horizon import cut_search


def row(number, *, wanted=True, horizon=False):
    return {"at": number, "wanted": wanted, "horizon": horizon}


def test_a_page_is_cut_and_goes_on_after_its_last_row():
    rows = [row(3), row(2), row(1)]
    assert cut_search(rows, 2) == (rows[:2], rows[1])


def test_the_last_page_goes_nowhere():
    rows = [row(2), row(1)]
    assert cut_search(rows, 2) == (rows, None)
    assert cut_search([], 2) == ([], None)


def test_the_horizon_is_where_to_go_on_and_shown_only_if_wanted():
    mark = row(1, wanted=False, horizon=True)
    assert cut_search([mark], 2) == ([], mark)
    assert cut_search([row(3), row(2), mark], 2) == ([row(3), row(2)], mark)
    wanted = row(1, horizon=True)
    assert cut_search([wanted], 2) == ([wanted], wanted)
