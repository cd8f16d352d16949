"""Array types, entry points, dense solves and quadrature: what every room computes with."""
