"""What is known of users, segments and clusters, read from the changelog or a store."""
