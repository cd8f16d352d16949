"""Studies and verdicts as self-contained HTML pages and tables: one file a kind, on `page`."""
