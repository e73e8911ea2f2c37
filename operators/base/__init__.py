"""What all logic stands on: errors, arrays, time, lanes, and frames of features."""
