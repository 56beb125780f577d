"""How long the pages of the admin take at millions of rows, beside those of a stock ModelAdmin on the same data."""
