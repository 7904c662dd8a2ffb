"""Values as the agencies write them."""


def is_number(value: object) -> bool:
    """Whether a value that agencies write as text is a number; "." and "-" stand for a missing one."""
    try:
        return abs(float(str(value))) < float("inf")
    except ValueError:
        return False
