"""The subjects of a report, a file each with `measure(reading)`, which gives its section."""
