"""JSON as people send it, and as nobody should."""

from hypothesis import strategies as st

MESSAGE = {
    "type": "invoice.paid",
    "timestamp": "2026-11-23T10:00:00Z",
    "data": {
        "id": "inv_7",
        "amount": 100,
        "currency": "EUR",
        "customer": {"name": "Ada Lovelace", "email": "ada@example.org", "tags": ["vip", "eu"]},
        "lines": [
            {"sku": "a1", "qty": 2, "price": 12.5},
            {"sku": "b2", "qty": 1, "price": 50},
            {"sku": "c3", "qty": 5, "price": 5},
        ],
    },
}

# Surrogates are no characters: JSON in UTF-8 cannot hold them.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.one_of(
    st.integers(-(10**40), 10**40), st.integers(-100, 100), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdef") | texts, inner, max_size=4),
    max_leaves=12,
)
number_texts = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
