"""Training Int-RA (*Reply with Sticker: New Dataset and Model for Sticker Retrieval*)."""
