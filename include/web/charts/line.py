"""Lines of many points: thinned to what can be seen, and written as an SVG path."""

from collections.abc import Sequence

COLUMNS = 1000  # the width of a stretched frame, in its own units

Points = Sequence[tuple[float, float]]


def thin(points: Points) -> list[tuple[float, float]]:
    """Keep, of each column, the first, lowest, highest and last point: what is drawn stays the same.

    `points` are in the order of x, which is in columns. No more than four points a column are left (the M4
    aggregation: Jugel et al., VLDB 2014).
    """
    if len(points) <= 2 * COLUMNS:
        return list(points)
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        columns.setdefault(int(point[0]), []).append(point)
    kept: list[tuple[float, float]] = []
    for column in columns.values():
        heights = [height for _, height in column]
        places = {0, heights.index(min(heights)), heights.index(max(heights)), len(column) - 1}
        kept += [column[place] for place in sorted(places)]
    return kept


def path_of(points: Points) -> str:
    """The `d` of a path through the points; a point alone is a dash that its round end makes a dot."""
    if not points:
        return ""
    rest = "".join(f"L{x:.1f} {y:.1f}" for x, y in points[1:]) or "h.1"
    return f"M{points[0][0]:.1f} {points[0][1]:.1f}{rest}"
