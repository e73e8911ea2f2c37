"""Where jobs run: the environment of a mini-cluster or of a running one, and watching over them."""
