"""Who is in what: users' features, segments and cluster as Assign keeps and judges them."""
