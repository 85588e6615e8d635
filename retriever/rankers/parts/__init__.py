"""What ranker families are built from: encoders of text and pictures, tokens, layers, weights."""
