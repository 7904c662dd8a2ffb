"""Local imitations of the outside APIs, over real HTTP."""
