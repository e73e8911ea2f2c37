"""The configuration of a run: one YAML file, checked whole, as frozen typed structs."""
