"""The benchmarks: each module has a `main()` that prints a table of ratios measured side by side."""
