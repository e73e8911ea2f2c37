"""Who a cluster is from version to version, and what it is called."""
