"""Training of the rankers that `retriever` loads."""
