"""What rankers of several families start from: published weights, word vectors, learnt vocabularies."""
