"""Looking after datasets: statistics and leaks (`inspect`), conversion, splits by stickers."""
