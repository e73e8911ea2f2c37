"""Models of user clusters: scaling, imputing, learning and the nearest centroid."""
