"""What the control topic says: new versions of the segments, and questions about them."""
