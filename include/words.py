"""Numbers and the words that they count, as people say them."""


def in_numbers(count: int, one: str, many: str | None = None) -> str:
    """`1 batch`, `2 batches`: the number with the word in the form that it takes.

    `many` is needed where the plural is not made by an s: `in_numbers(2, "batch", "batches")`.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"
