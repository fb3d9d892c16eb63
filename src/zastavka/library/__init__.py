"""A library that is kept: what was found in its files, and what people said of them."""
