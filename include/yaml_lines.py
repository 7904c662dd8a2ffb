"""Where in a YAML file a value stands, so that an error can name the line."""

import yaml


def line_of(root: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """The line, from 1, where a value is, or the last part of its path that is there.

    `path` is what pydantic gives as `loc`. That also names the kind of thing that it took a value for, which
    is no place in the file and is passed over.
    """
    node = root
    for part in path:
        child = None
        if isinstance(node, yaml.MappingNode):
            child = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
        node = child or node
    return node.start_mark.line + 1 if node is not None else 1
