"""Our own findings, figure by figure: the same protocol as a paper's (see `steepest.study`)."""
