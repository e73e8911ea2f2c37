"""What is published, as flat tables for spreadsheets, notebooks and warehouses."""
