"""What makes pictures, books, the programs in the page and new recipes."""
