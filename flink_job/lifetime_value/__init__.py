"""What customers will be worth: BG/NBD and Gamma-Gamma on what they have bought."""
