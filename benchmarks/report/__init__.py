"""What is made of what the benchmarks have found: growth, plots, tables and the page in docs/."""
